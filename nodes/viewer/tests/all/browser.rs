//! A person at the page: looks, clicks, has the robot move, and stops it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nalgebra::{DMatrix, Matrix3, Point3, Vector3};
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
    let mut browser = Browser::open(&format!("http://127.0.0.1:{}/", cell.port));
    wait_for("the viewer", SLOW, || {
        let is_live = browser.text("link") == "live";
        (is_live && browser.value("seen() !== null") == true).then_some(())
    });
    set_mode(&mut browser, "look");
    let on_page = page_from_pixel(&mut browser);
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

/// Where in the scene the viewer says that a place of the page is.
fn point_there(browser: &mut Browser, at: [f64; 2]) -> Option<Point3<f64>> {
    let told = look_at(browser, at)?;
    (told.len() == 3).then(|| Point3::from_slice(&told))
}

/// Where on the page places of the table are, by those that the viewer tells of a grid of clicks: a homography.
fn page_from_table(browser: &mut Browser) -> impl Fn([f64; 2]) -> [f64; 2] + use<> {
    let [x, y, width, height] = browser.area("canvas");
    let mut pairs: Vec<([f64; 2], Point3<f64>)> = Vec::new();
    for row in 0..4 {
        for column in 0..4 {
            let [u, v] = [
                0.62 + 0.09 * f64::from(column),
                0.25 + 0.06 * f64::from(row),
            ];
            let at = [x + u * width, y + v * height];
            pairs.extend(point_there(browser, at).map(|point| (at, point)));
        }
    }
    pairs.retain(|(_, point)| point.z.abs() < 0.003);
    assert!(
        pairs.len() >= 6,
        "the table shows in {} places",
        pairs.len()
    );
    // Two equations for each: page x (h (X, Y, 1)) = h' (X, Y, 1), and the same for y.
    let mut equations = DMatrix::zeros(2 * pairs.len(), 9);
    for (pair, ([u, v], point)) in pairs.iter().enumerate() {
        for (axis, page) in [(0, u), (1, v)] {
            for (place, ground) in [point.x, point.y, 1.0].into_iter().enumerate() {
                equations[(2 * pair + axis, 3 * axis + place)] = ground;
                equations[(2 * pair + axis, 6 + place)] = -page / 1e3 * ground;
            }
        }
    }
    let solved = equations.svd(false, true);
    let rows = solved.v_t.unwrap();
    let (least, _) = solved.singular_values.argmin();
    let homography = Matrix3::from_iterator(rows.row(least).iter().copied()).transpose();
    move |[ground_x, ground_y]| {
        let page = homography * Vector3::new(ground_x, ground_y, 1.0);
        // Columns and rows were counted in thousands, for the sake of the numbers.
        [page.x / page.z, page.y / page.z].map(|place| place * 1e3)
    }
}

/// Finds a place of the page at which the viewer has a point of the object, near its foot.
fn place_in_scene(browser: &mut Browser, object: &Object) -> [f64; 2] {
    let on_page = page_from_table(browser);
    let [x, y, _] = object.place;
    let foot = on_page([x, y]);
    let around = [0.0, -6.0, 6.0, -12.0, 12.0];
    for up in [0.0, 6.0, 12.0, 18.0, 24.0, 32.0] {
        for aside in around {
            let at = [foot[0] + aside, foot[1] - up];
            let is_on_it = |point: Point3<f64>| {
                let far = (point - Point3::from(object.place)).xy().norm();
                point.z > 0.006 && far < 0.05
            };
            if point_there(browser, at).is_some_and(is_on_it) {
                return at;
            }
        }
    }
    panic!("{} is not found in the scene", object.name);
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
    if state == "holding" {
        does(cell, browser, "release", "releasing");
    }
    does(cell, browser, "home", "homing");
}

/// Presses a button and waits until the arm has done what it asks for. Where there is nothing to do, it does not begin.
fn does(cell: &Cell, browser: &mut Browser, button: &str, doing: &str) {
    let is = |states: &[&str]| states.contains(&cell.truth.lock().unwrap().state.as_str());
    browser.press(button);
    let pressed = Instant::now();
    while !is(&[doing]) && pressed.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    wait_for("the arm to rest", SLOW, || {
        is(&["idle", "targeted"]).then_some(())
    });
}

#[test]
#[ignore = "needs chromium, and some minutes: make test-viewer"]
fn what_is_clicked_in_the_picture_or_in_the_scene_is_grasped() {
    let cell = cell::start(33_010);
    let (first, object) = visible(&cell, 0);
    let mut browser = Browser::open(&format!("http://127.0.0.1:{}/", cell.port));
    wait_for("the viewer", SLOW, || {
        let is_live = browser.text("link") == "live";
        (is_live && browser.value("seen() !== null") == true).then_some(())
    });
    set_mode(&mut browser, "look");
    let on_page = page_from_pixel(&mut browser);
    set_mode(&mut browser, "object");
    point_at(&mut browser, on_page(object.pixel.unwrap()));
    becomes_target(&cell, first);
    grasp(&cell, &mut browser, first);
    picture(&mut browser, "first.png");

    let (second, object) = visible(&cell, 1);
    set_mode(&mut browser, "look");
    let there = place_in_scene(&mut browser, &object);
    set_mode(&mut browser, "object");
    point_at(&mut browser, there);
    becomes_target(&cell, second);
    picture(&mut browser, "in_the_scene.png");
    grasp(&cell, &mut browser, second);
    picture(&mut browser, "second.png");
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
