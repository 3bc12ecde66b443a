//! A browser without a screen, driven over its DevTools pipe: JSON messages that end with a zero byte.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Size of the page in pixels.
const SIZE: [u32; 2] = [1100, 700];

/// WebGL on a machine without a GPU, and none of the browser's own business on the network.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--hide-scrollbars",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    commands: File,
    answers: BufReader<File>,
    session: Option<String>,
    last_id: u64,
    /// What the page complained about: errors of its scripts, and what its security policy refused.
    pub(crate) complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts chromium with a fresh profile and opens a page.
    pub(crate) fn open(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [commands, answers] = ["commands", "answers"].map(|name| folder.path().join(name));
        let pipes = Command::new("mkfifo").args([&commands, &answers]).status();
        assert!(pipes.unwrap().success());
        // The browser reads from descriptor 3 and writes to 4.
        let process = Command::new("sh")
            .args([
                "-c",
                r#"exec chromium "$@" 3<"$COMMANDS" 4>"$ANSWERS""#,
                "sh",
            ])
            .args(FLAGS)
            .arg(format!("--window-size={},{}", SIZE[0], SIZE[1]))
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .env("COMMANDS", &commands)
            .env("ANSWERS", &answers)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = OpenOptions::new().write(true).open(commands).unwrap();
        let answers = BufReader::new(File::open(answers).unwrap());
        let mut browser = Self {
            process,
            commands,
            answers,
            session: None,
            last_id: 0,
            complaints: Vec::new(),
            _folder: folder,
        };
        let page = browser.ask("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": page["targetId"], "flatten": true});
        let attached = browser.ask("Target.attachToTarget", target);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        let [width, height] = SIZE;
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        browser.ask("Emulation.setDeviceMetricsOverride", size);
        browser.ask("Log.enable", json!({}));
        browser.ask("Runtime.enable", json!({}));
        browser.ask("Page.navigate", json!({"url": url}));
        browser
    }

    /// Sends a command and waits for its result.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({"id": self.last_id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.commands
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
        loop {
            let mut answer = Vec::new();
            self.answers.read_until(0, &mut answer).unwrap();
            answer.pop();
            assert!(!answer.is_empty(), "the browser is gone");
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == json!(self.last_id) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.hear(&answer);
        }
    }

    fn hear(&mut self, event: &Value) {
        let text = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => &event["params"]["exceptionDetails"],
            Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                &event["params"]["entry"]["text"]
            }
            _ => return,
        };
        self.complaints.push(text.to_string());
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        self.ask("Runtime.evaluate", parameters)["result"]["value"].clone()
    }

    /// The text of an element.
    #[track_caller]
    pub(crate) fn text(&mut self, id: &str) -> String {
        let text = self.value(&format!("document.getElementById({id:?}).textContent"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Left, top, width and height of an element, px.
    #[track_caller]
    pub(crate) fn area(&mut self, id: &str) -> [f64; 4] {
        let area = self.value(&format!(
            "(() => {{ const r = document.getElementById({id:?}).getBoundingClientRect(); \
             return [r.x, r.y, r.width, r.height]; }})()"
        ));
        serde_json::from_value(area).unwrap()
    }

    /// Waits until the page has drawn some frames.
    fn frames(&mut self, count: u32) {
        let frames = format!(
            "new Promise((done) => {{ let left = {count}; \
             const next = () => left-- > 0 ? requestAnimationFrame(next) : done(); next(); }})"
        );
        let parameters = json!({"expression": frames, "awaitPromise": true});
        self.ask("Runtime.evaluate", parameters);
    }

    fn mouse(&mut self, kind: &str, [x, y]: [f64; 2], buttons: u8) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let event = json!({
            "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
        });
        self.ask("Input.dispatchMouseEvent", event);
    }

    /// Moves the mouse there, waits until the viewer knows what is there, and clicks.
    pub(crate) fn click(&mut self, at: [f64; 2]) {
        self.mouse("mouseMoved", at, 0);
        self.frames(4);
        self.mouse("mousePressed", at, 1);
        self.mouse("mouseReleased", at, 0);
    }

    /// Presses the middle of an element, which is no part of the viewer.
    pub(crate) fn press(&mut self, id: &str) {
        let [x, y, width, height] = self.area(id);
        let middle = [x + width / 2.0, y + height / 2.0];
        self.mouse("mousePressed", middle, 1);
        self.mouse("mouseReleased", middle, 0);
    }

    /// Keeps a picture of the page.
    pub(crate) fn picture(&mut self, path: &Path) {
        let picture = self.ask("Page.captureScreenshot", json!({"format": "png"}));
        let base64 = picture["data"].as_str().unwrap().to_owned();
        let mut decoder = Command::new("base64")
            .arg("--decode")
            .stdin(Stdio::piped())
            .stdout(File::create(path).unwrap())
            .spawn()
            .unwrap();
        decoder
            .stdin
            .take()
            .unwrap()
            .write_all(base64.as_bytes())
            .unwrap();
        assert!(decoder.wait().unwrap().success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
