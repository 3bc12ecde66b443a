//! A person at the page: looks, clicks, has the robot move, and stops it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use supervisor::machine::State;

use crate::cell::{self, Cell, Object};
use crate::devtools::Browser;
use crate::http::{READ_MESSAGES, send};
use crate::page;
use crate::running::wait_for;

/// The viewer draws without a GPU here, and starts slowly.
const SLOW: Duration = Duration::from_secs(180);
/// The page that is drawn without a GPU takes every core, and the simulated robot brakes later than a real one would.
const STOP: Duration = Duration::from_secs(1);

/// Keeps a picture where the variable says, for people to look at.
fn picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("VIEWER_PICTURES") {
        browser.picture(&PathBuf::from(folder).join(name));
    }
}

/// Sets what a click means.
fn set_mode(browser: &mut Browser, mode: &str) {
    browser.value(&format!(
        "document.querySelector('input[value={mode}]').click()"
    ));
}

/// Clicks there to look: the numbers that the page tells of the place.
fn look_at(browser: &mut Browser, at: [f64; 2]) -> Option<Vec<f64>> {
    browser.value("document.getElementById('message').textContent = ''");
    browser.click(at);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(15) {
        let text = browser.text("message");
        let numbers = text
            .split([' ', ','])
            .filter_map(|word| word.parse().ok())
            .collect::<Vec<f64>>();
        if text.starts_with("pi") || text.starts_with("po") {
            return Some(numbers);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// Where on the page a pixel of the camera's picture is, found by looking at two places.
fn page_from_pixel(browser: &mut Browser) -> impl Fn([f64; 2]) -> [f64; 2] + use<> {
    let [x, y, width, height] = browser.area("canvas");
    let [a, b] = [[0.15, 0.2], [0.35, 0.5]].map(|[u, v]| [x + u * width, y + v * height]);
    let mut pixel = |at| {
        let told = wait_for("the picture", SLOW, || look_at(browser, at));
        assert_eq!(told.len(), 2, "not the camera's picture: {told:?}");
        [told[0], told[1]]
    };
    let (pixel_a, pixel_b) = (pixel(a), pixel(b));
    let scale = (b[0] - a[0]) / (pixel_b[0] - pixel_a[0]);
    let other = (b[1] - a[1]) / (pixel_b[1] - pixel_a[1]);
    assert!(
        (scale / other - 1.0).abs() < 0.05,
        "{scale} {other}: pixels are square"
    );
    move |[u, v]| {
        [
            a[0] + scale * (u - pixel_a[0]),
            a[1] + scale * (v - pixel_a[1]),
        ]
    }
}

/// Opens the page of the cell, and finds where on it the pixels of the camera's picture are.
fn open(cell: &Cell) -> (Browser, impl Fn([f64; 2]) -> [f64; 2] + use<>) {
    let mut browser = Browser::open(&format!("http://127.0.0.1:{}/", cell.port));
    wait_for("the viewer", SLOW, || {
        let is_live = browser.text("link") == "live";
        (is_live && browser.value("seen() !== null") == true).then_some(())
    });
    set_mode(&mut browser, "look");
    let on_page = page_from_pixel(&mut browser);
    (browser, on_page)
}

/// The object that shows, and its number.
fn visible(cell: &Cell, nth: usize) -> (usize, Object) {
    wait_for("the simulator's truth", SLOW, || {
        let truth = cell.truth.lock().unwrap();
        let mut visible = truth.objects.iter().enumerate();
        let found = visible
            .by_ref()
            .filter(|(_, object)| object.pixel.is_some())
            .nth(nth);
        found.map(|(index, object)| (index, object.clone()))
    })
}

/// Clicks there until the page says that the click went out.
fn point_at(browser: &mut Browser, at: [f64; 2]) {
    wait_for("the click to be taken", SLOW, || {
        browser.value("document.getElementById('message').textContent = ''");
        browser.click(at);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(15) {
            if browser.text("message").contains("a person points") {
                return Some(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    });
}

/// Waits until most of the mask shows this object.
fn becomes_target(cell: &Cell, index: usize) {
    let start = Instant::now();
    loop {
        {
            let truth = cell.truth.lock().unwrap();
            if truth.target == Some(index) && truth.state == "targeted" {
                return;
            }
            let so_far = (truth.target, truth.state.as_str());
            assert!(
                start.elapsed() < SLOW,
                "{index} is not the target: {so_far:?}"
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs chromium: make test-viewer"]
fn stop_gets_through_when_the_browser_has_no_connection_left() {
    let (_running, port, heard) = page::start("approaching", &[]);
    let mut browser = Browser::open(&format!("http://127.0.0.1:{port}/"));
    wait_for("the page", SLOW, || {
        (browser.text("link") == "live").then_some(())
    });
    // What eight pages that draw hold.
    browser.value(&format!(
        "for (let page = 0; page < 8; page += 1) fetch('{READ_MESSAGES}', {{method: 'POST', body: new Uint8Array(5), \
         headers: {{'Content-Type': 'application/grpc-web+proto', 'X-Grpc-Web': '1'}}}})"
    ));
    browser.value("setTimeout(() => send('call/start'), 500)");
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        heard.lock().unwrap().calls.is_empty(),
        "a request waits: else this shows nothing"
    );
    browser.press("stop");
    wait_for("the stop", Duration::from_secs(20), || {
        (heard.lock().unwrap().calls == ["stop"]).then_some(())
    });
    wait_for("the answer", Duration::from_secs(20), || {
        (browser.text("message") == "stopped").then_some(())
    });
}

#[test]
#[ignore = "needs chromium, and a minute or two: make test-viewer"]
fn a_person_points_starts_and_stops() {
    let cell = cell::start(1);
    let (first, object) = visible(&cell, 0);
    let (mut browser, on_page) = open(&cell);
    picture(&mut browser, "waiting.png");

    println!("points at {} in the picture", object.name);
    set_mode(&mut browser, "object");
    let there = on_page(object.pixel.unwrap());
    point_at(&mut browser, there);
    becomes_target(&cell, first);
    picture(&mut browser, "targeted.png");
    // The same pixel once more is a click once more.
    point_at(&mut browser, there);

    wait_for("the button", SLOW, || {
        (browser.value("document.getElementById('start').disabled") == false).then_some(())
    });
    browser.press("start");
    moves(&cell);
    let asked = Instant::now();
    let stop = send(cell.port, "POST /call/stop", &[], "");
    assert!(stop.body.contains(r#""ok":true"#), "{}", stop.body);
    let stopped = at_rest(&cell, asked);
    println!("at rest {} ms after the request", stopped.as_millis());
    assert!(stopped < STOP, "{stopped:?}");

    // And by the button, with the browser's own delay.
    wait_for("the next start", SLOW, || {
        let start = send(cell.port, "POST /call/start", &[], "");
        let taken = start.body.contains(r#""ok":true"#);
        if !taken {
            println!("{}", start.body);
            std::thread::sleep(Duration::from_secs(1));
        }
        taken.then_some(())
    });
    moves(&cell);
    let pressed = Instant::now();
    browser.press("stop");
    let stopped = at_rest(&cell, pressed);
    println!("at rest {} ms after the button", stopped.as_millis());
    wait_for("the page to tell", SLOW, || {
        (!browser.text("words").contains("moves")).then_some(())
    });
    picture(&mut browser, "stopped.png");

    // The page's policy keeps rerun's viewer from reporting its use; the browser tells that it did, and nothing else.
    let is_blocked_report =
        |text: &String| text.contains("Security Policy") && text.contains("tel.rerun.io");
    browser.complaints.retain(|text| !is_blocked_report(text));
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    let Cell { running, .. } = cell;
    running.end();
    wait_for(
        "the page to tell that the connection is lost",
        Duration::from_secs(5),
        || (browser.value("document.getElementById('lost').hidden") == false).then_some(()),
    );
    picture(&mut browser, "lost.png");
}

/// Presses start, and waits until the grasp has an end; what is told of it has to be true.
fn grasp(cell: &Cell, browser: &mut Browser, index: usize) {
    let height = || cell.truth.lock().unwrap().objects[index].place[2];
    let before = height();
    wait_for("the button", SLOW, || {
        (browser.value("document.getElementById('start').disabled") == false).then_some(())
    });
    browser.press("start");
    let ends = ["holding", "failed", "estopped"];
    let state = wait_for("the end of the grasp", SLOW, || {
        let state = cell.truth.lock().unwrap().state.clone();
        ends.contains(&state.as_str()).then_some(state)
    });
    let name = cell.truth.lock().unwrap().objects[index].name.clone();
    let lifted = height() - before;
    let words = State::named(&state).unwrap().plain();
    wait_for("the page to tell", SLOW, || {
        (browser.text("words") == words).then_some(())
    });
    let reason = browser.text("reason");
    println!(
        "{name}: {state}, lifted by {:.0} mm; the page says: {words}, {reason}",
        lifted * 1e3
    );
    assert_eq!(lifted > 0.1, state == "holding", "{lifted} m");
}

#[test]
#[ignore = "needs chromium, and some minutes: make test-viewer"]
fn what_is_clicked_in_the_picture_is_grasped() {
    let cell = cell::start(33_010);
    let (first, object) = visible(&cell, 0);
    let (mut browser, on_page) = open(&cell);
    set_mode(&mut browser, "object");
    point_at(&mut browser, on_page(object.pixel.unwrap()));
    becomes_target(&cell, first);
    grasp(&cell, &mut browser, first);
    picture(&mut browser, "grasped.png");
}

fn moves(cell: &Cell) {
    wait_for("the arm to move", SLOW, || {
        (cell.truth.lock().unwrap().speed > 0.2).then_some(())
    });
}

/// How long after `from` the arm came to rest.
fn at_rest(cell: &Cell, from: Instant) -> Duration {
    let since = wait_for("the arm to rest", Duration::from_secs(20), || {
        let since = cell.truth.lock().unwrap().at_rest_since?;
        (since.elapsed() > Duration::from_millis(200)).then_some(since)
    });
    since.saturating_duration_since(from)
}
