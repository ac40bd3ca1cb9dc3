"""The page in a browser: search, click, compare, keys, narrow screens, and no word in the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from recbole_slmrec.explore.data import Wanted, gather
from recbole_slmrec.explore.page import write_page
from tests.explore.browser import needs_browser, run
from tests.explore.conftest import NASTY

pytestmark = needs_browser


def made(*models: str, **others) -> tuple[Path, dict]:
    page, files = Path("page.html"), [Path(f"saved/{model}.pth") for model in models]
    wanted = {"users": "all", "title": "title", "show": ["class"], **others}
    data = gather(Wanted(files, page, **wanted))
    write_page(data, page)
    return page, data


def titles(data: dict, places) -> list[str]:
    items = data["items"]
    return [items["title"][place] or items["id"][place] for place in places]


def test_a_user_is_shown_and_the_next_by_button_and_key(shop):
    page, data = made("SLMRec", k=4)
    found = run(
        page,
        """
        const seen = () => [one("#user h2").textContent, texts("ol .title"), texts(".had .title")];
        const all = [seen()];
        one("[aria-label='the next user']").click(); await pause(); all.push(seen());
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
        await pause(); all.push(seen());
        return all;
        """,
    )
    users = data["users"]
    expected = [
        [
            f"User {users['id'][user]}",
            titles(data, (row[0] for row in users["recommended"][0][user])),
            titles(data, users["had"][user]),
        ]
        for user in (0, 1, 0)
    ]
    assert found == expected


def test_bars_and_scores_are_those_of_the_data(shop):
    page, data = made("SLMRec", k=3)
    found = run(
        page,
        """
        const bars = [...document.querySelectorAll("ol .bar")];
        const width = (node) => node.getBoundingClientRect().width;
        return [texts("ol .score"), bars.map((bar) => bar.getAttribute("aria-label")),
                bars.map((bar) => [...bar.querySelectorAll("i:not(.zero)")].map((i) => width(i) / width(bar)))];
        """,
        "#user=u2",
    )
    rows = data["users"]["recommended"][0][data["users"]["id"].index("u2")]
    parts = data["models"][0]["parts"]
    assert found[0] == [f"{row[1]:.3f}" for row in rows]
    assert found[1] == [
        ", ".join(f"{part} {share:.3f}" for part, share in zip(parts, row[2:])) for row in rows
    ]
    sizes = [[abs(share) for share in row[2:]] for row in rows]
    scale = max(sum(s for s in row[2:] if s > 0) for row in rows) + max(
        -sum(s for s in row[2:] if s < 0) for row in rows
    )
    for widths, own in zip(found[2], sizes):
        assert widths == pytest.approx([size / scale for size in own], abs=2e-3)


def test_search_finds_users_and_items_and_keys_choose(shop):
    page, data = made("SLMRec")
    found = run(
        page,
        """
        const type = async (text) => {
          one("#search").value = text;
          one("#search").dispatchEvent(new Event("input"));
          await pause();
        };
        const press = (key) =>
          document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true }));
        const focused = document.activeElement.id;
        await type("U11"); const user = texts("#results li");
        press("Enter"); await pause();
        const first = [location.hash, one("#results").hidden];
        one("#search").focus();
        await type("i12 of"); const item = texts("#results li");
        press("ArrowDown"); document.activeElement.click(); await pause();
        one("#search").focus();
        await type("no such"); const nothing = texts("#results li");
        press("Escape"); await pause();
        return [focused, user, first, item, location.hash, one("#item h2").textContent, nothing,
                one("#results").hidden];
        """,
    )
    assert found[:5] == [
        "search",
        ["useru11"],
        ["#user=u11", True],
        [
            f"itemThe i12 of all{data['marks'][data['items']['mark'][data['items']['id'].index('i12')]]}"
        ],
        "#user=u11&item=i12",
    ]
    assert found[5].startswith("The i12 of all")
    assert found[6:] == [["Nothing on this page is called so."], True]


def test_keys_stay_where_they_are_when_something_is_chosen(shop):
    page, _ = made("SLMRec")
    found = run(
        page,
        """
        const item = document.querySelectorAll("ol .named")[2];
        item.focus(); item.click(); await pause();
        const inList = document.activeElement === item && item.closest("li").className;
        const next = one("[aria-label='the next user']");
        next.focus(); next.click(); await pause();
        const onButton = document.activeElement.ariaLabel;
        const similar = one("#item .similar .named");
        similar.focus(); similar.click(); await pause();
        return [inList, onButton, document.activeElement.id];
        """,
    )
    assert found == ["chosen", "the next user", "item"]


def test_all_that_a_user_had_is_shown_when_asked_for(shop):
    page, data = made("SLMRec", users="u1")
    data["users"]["had"] = [list(range(20))]
    data["users"]["split"] = [[0] * 20]
    data["users"]["n_had"] = [31]
    write_page(data, page)
    found = run(
        page,
        """
        const before = texts(".had .title");
        one(".had + button").click(); await pause();
        return [before, texts(".had .title"), document.activeElement.dataset.item, texts("#user h3")];
        """,
    )
    assert found[0] == titles(data, range(12)) and found[1] == titles(data, range(20))
    assert found[2:] == ["12", ["Had 31, the last 20 of them here"]]


def test_an_item_is_shown_with_what_is_similar_and_who_would_get_it(shop):
    page, data = made("SLMRec")
    item = data["users"]["recommended"][0][3][0][0]
    found = run(
        page,
        """
        one("ol .named").click(); await pause();
        const item = one("#item h2").textContent;
        const why = texts("#item .why th, #item .why td");
        const similar = [...document.querySelectorAll("#item .similar")].map(
          (list) => [...list.querySelectorAll(".title")].map((node) => node.textContent));
        const people = texts("#item .people button");
        one("#item .similar .named").click(); await pause();
        const next = [one("#item h2").textContent, location.hash];
        history.back(); await pause(300);
        const back = one("#item h2").textContent;
        one("#item .people button:last-of-type").click(); await pause();
        return [item, why, similar, people, next, back, one("#user h2").textContent];
        """,
        "#user=" + data["users"]["id"][3],
    )
    own, items = data["users"], data["items"]
    (name,) = titles(data, [item])
    assert found[0].startswith(name) and found[5].startswith(name)
    row = own["recommended"][0][3][0]
    expected = dict(zip([*data["models"][0]["parts"], "score"], [*row[2:], row[1]]))
    assert dict(zip(found[1][::2], found[1][1::2])) == {k: f"{v:.3f}" for k, v in expected.items()}
    assert found[2] == [
        titles(data, (o for o, _ in each["found"][item])) for each in data["similar"]
    ]
    getting = [
        (place, own["id"][user])
        for user, rows in enumerate(own["recommended"][0])
        for place, other in enumerate(rows)
        if other[0] == item
    ]
    assert found[3] == [user for _, user in sorted(getting, key=lambda each: each[0])][:24]
    assert len(getting) == items["got"][0][item]
    similar = data["similar"][0]["found"][item][0][0]
    assert found[4][1].endswith(f"&item={items['id'][similar]}")
    assert found[6] == f"User {found[3][-1]}"


def test_two_models_stand_side_by_side(shop):
    page, data = made("SLMRec", "LightGCN", k=5)
    found = run(
        page,
        """
        const list = (n) => [...document.querySelectorAll(`ol[data-model="${n}"] > li`)].map(
          (row) => [row.querySelector(".title").textContent, row.querySelector(".both") !== null]);
        const box = (n) => one(`ol[data-model="${n}"]`).getBoundingClientRect();
        one("ol .named").click(); await pause();
        return [list(0), list(1), texts("#item .quiet"), box(0).right < box(1).left, texts(".model h2")];
        """,
        "#user=u5",
        "--window-size=1400,1200",
    )
    user = data["users"]["id"].index("u5")
    rows = [each[user] for each in data["users"]["recommended"]]
    common = {row[0] for row in rows[0]} & {row[0] for row in rows[1]}
    for number in (0, 1):
        expected = [[*titles(data, [row[0]]), row[0] in common] for row in rows[number]]
        assert found[number] == expected
    assert "LightGCN has no vectors of items to compare." in found[2] and found[3]
    assert found[4] == ["SLMRec SLMRec.pth", "LightGCN LightGCN.pth"]


def test_the_map_is_drawn_and_answers(shop):
    page, data = made("SLMRec")
    found = run(
        page,
        """
        const inked = () => {
          const { width, height } = canvas;
          const { data: pixels } = canvas.getContext("2d").getImageData(0, 0, width, height);
          return pixels.filter((value, n) => n % 4 === 3 && value > 0).length;
        };
        const first = inked();
        one("#colour").value = "1"; one("#colour").dispatchEvent(new Event("change"));
        const [x, y] = at(7), box = canvas.getBoundingClientRect();
        const where = { clientX: x + box.left, clientY: y + box.top };
        canvas.dispatchEvent(new MouseEvent("mousemove", where));
        const told = one("#pointed").textContent;
        canvas.dispatchEvent(new MouseEvent("click", where)); await pause();
        return [first, texts("#legend li"), told, location.hash, inked() > first];
        """,
    )
    assert found[0] > 45
    assert found[1] == ["a", "b", "c", "○ had", "◆ recommended"]
    assert [found[2]] == titles(data, [7])
    assert found[3].endswith(f"item={data['items']['id'][7]}") and found[4]


def test_html_in_a_title_is_text(shop):
    page, _ = made("SLMRec")
    found = run(
        page,
        "return [one('#item h2').firstChild.textContent, document.querySelectorAll('img').length];",
        "#item=i7",
    )
    assert found == [NASTY, 0]


def test_pictures_are_shown_inside_and_linked_with_texts_for_them(shop):
    folder = shop / "my photos"
    folder.mkdir()
    for item in range(45):
        Image.new("RGB", (40, 40), "red").save(folder / f"i{item}.png")
    (folder / "i1.mp3").write_bytes(b"sound")
    page, data = made("SLMRec", images=folder, sounds=folder, embed_bytes=3000)
    assert data["items"]["n_embedded"] and data["items"]["n_linked"]
    found = run(
        page,
        """
        const images = [...document.querySelectorAll("img")];
        images.forEach((image) => (image.loading = "eager"));
        await Promise.all(images.map((image) => image.decode()));
        return [images.every((image) => image.naturalWidth > 0), one(".picture").alt,
                one("audio").getAttribute("src"), one("audio").getAttribute("aria-label")];
        """,
        "#item=i1",
    )
    assert found == [
        True,
        "Picture of The i1 of all",
        "my%20photos/i1.mp3",
        "Sound of The i1 of all",
    ]


def test_unknown_users_and_items_in_the_address(shop):
    page, _ = made("Pop", users="u1,u2")
    script = "return [texts('#user > p'), one('#item h2').textContent];"
    told = "This user is not on this page: search another."
    assert run(page, script, "#user=u3&item=x") == [[told], "No item chosen"]


@pytest.mark.parametrize("width", [360, 700])
def test_nothing_is_wider_than_a_narrow_screen(shop, width):
    page, _ = made("SLMRec", "LightGCN")
    # The window has a least width of its own; a frame has not.
    frame = Path("frame.html")
    frame.write_text(
        f'<!doctype html><title>frame</title><body><iframe style="width:{width}px;height:800px" '
        f'src="{page.absolute().as_uri()}#item=i7"></iframe></body>',
        encoding="utf-8",
    )
    script = """
        await pause(500);
        const inner = one("iframe").contentDocument;
        const { scrollWidth, clientWidth } = inner.documentElement;
        return [scrollWidth, clientWidth];
        """
    scroll, client = run(frame, script, "", "--allow-file-access-from-files")
    assert scroll == client == width
