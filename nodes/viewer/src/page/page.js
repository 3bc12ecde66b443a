"use strict";

// Silence for this long, in ms, means that the connection is lost: three heartbeats of the node.
const LOST_AFTER = 1500;
// A click that selects what is selected already makes no event; after this long, in ms, it is taken for a repeated one.
const REPEAT_AFTER = 400;
// A pointer that has moved further between press and release, in px, has dragged and not clicked.
const DRAGGED = 4;

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
let status = {};
let heardAt = performance.now();
let checkedAt = performance.now();
let excused = false;
let refusals = null;
let viewer = null;

// --- what the node says ----------------------------------------------------------------------------------------------

// The line to the node, open while somebody looks. Stop goes over it, as requests may have to wait for each other: a
// browser has some six connections to a server, and other pages hold them.
let line = null;

function connect() {
  if (line || document.hidden) return;
  const here = new WebSocket(location.origin.replace(/^http/, "ws") + "/live");
  line = here;
  here.onmessage = (event) => {
    const told = JSON.parse(event.data);
    if ("ok" in told) return say(told.message, told.ok);
    heardAt = performance.now();
    excused = false;
    status = told;
    show();
  };
  here.onclose = () => {
    if (line !== here) return;
    line = null;
    heardAt = -Infinity;
    show();
    setTimeout(connect, 1000);
  };
}

function disconnect() {
  const here = line;
  line = null;
  here?.close();
}

// False when the line is not open.
function over(word) {
  if (line?.readyState !== WebSocket.OPEN) return false;
  line.send(JSON.stringify(word));
  return true;
}

function show() {
  const lost = performance.now() - heardAt > LOST_AFTER;
  element("lost").hidden = !lost;
  element("link").className = lost ? "lost" : "live";
  element("link").textContent = lost ? "lost" : "live";
  for (const button of document.querySelectorAll("[data-call]:not(#stop)")) button.disabled = lost;
  if (lost || !("state" in status)) return;

  element("words").textContent = status.words || "waiting for the supervisor";
  element("reason").textContent = status.reason;
  element("state").className = status.state + (status.moving ? " moving" : "");
  element("target").textContent = status.target && status.target !== "idle" ? status.target : "none yet";
  const tracked = status.target === "tracking";
  element("score").textContent = tracked ? status.score.toFixed(2) : "";
  element("bar").style.width = (tracked ? 100 * status.score : 0) + "%";
  element("prompt").textContent = status.prompt ? "by " + status.prompt : "";
  element("start").textContent = status.state === "failed" ? "Try again" : "Start";
  element("confirm").hidden = !status.confirm;
  element("start").disabled = status.confirm || !["targeted", "failed"].includes(status.state);

  showAge(status.picture_age_s);
  showEvents(status.events);
  const troubles = Object.entries(status.trouble).map(([name, words]) => name + ": " + words);
  element("trouble").textContent = troubles.join("; ");

  if (refusals !== null && status.refusals > refusals) say(status.refused, false);
  refusals = status.refusals;
}

// Up to when the viewer has drawn, by the node's clock in s; null before it has anything.
function seen() {
  const recording = viewer?.get_active_recording_id();
  const range = recording && viewer.get_timeline_time_range(recording, "time");
  return range ? range.max / 1e9 : null;
}

function showAge(pictureAge) {
  const drawn = seen();
  const behind = drawn === null ? 0 : status.drawn_s - drawn;
  const age = pictureAge === null ? null : Math.max(pictureAge, behind);
  const old = age !== null && age >= 1;
  element("picture").textContent = age === null ? "none yet" : old ? age.toFixed(1) + " s old" : "live";
  element("picture").className = old ? "old" : "";
}

let shownEvents = "";

function showEvents(events) {
  const key = JSON.stringify(events);
  if (key === shownEvents) return;
  shownEvents = key;
  const list = element("events");
  list.replaceChildren(...events.map((event) => {
    const line = document.createElement("li");
    line.className = event.level;
    const time = document.createElement("time");
    time.textContent = new Date(1000 * event.time_s).toTimeString().slice(0, 8);
    line.append(time, " " + event.who + ": " + event.words);
    return line;
  }));
  list.scrollTop = list.scrollHeight;
}

function say(text, ok) {
  element("message").textContent = text;
  element("message").className = ok ? "" : "bad";
}

// --- what people want ------------------------------------------------------------------------------------------------

const post = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body ?? null),
});

async function send(path, body) {
  try {
    const response = await fetch(path, post(body));
    if (!response.ok) throw new Error(await response.text());
    const answer = await response.json();
    say(answer.message, answer.ok);
  } catch (error) {
    say("It did not get through: " + error.message, false);
  }
}

function call(request) {
  const isAlive = performance.now() - heardAt <= LOST_AFTER;
  // A line that has gone quiet takes a stop and loses it: then it goes both ways.
  if (request === "stop" && over("stop") && isAlive) return;
  send("call/" + request);
}

for (const button of document.querySelectorAll("[data-call]")) {
  button.addEventListener("click", () => {
    call(button.dataset.call);
    // Else the next space bar, which means stop, would press this button too.
    button.blur();
  });
}

// The space bar stops, whatever has the focus: before the viewer hears of it, which would pause.
for (const kind of ["keydown", "keyup"]) {
  window.addEventListener(kind, (event) => {
    if (event.code !== "Space") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (kind === "keydown" && !event.repeat) call("stop");
  }, true);
}

// --- clicks ----------------------------------------------------------------------------------------------------------

let pressed = null;
let last = null;
let shift = false;

const mode = () => document.querySelector("input[name=mode]:checked").value;

// What a selected item of the viewer points at; null where it is no place.
function place(item) {
  const position = item?.position;
  if (!position || position.length < 2) return null;
  if (item.view_name === "Camera") return { view: "camera", pixel: position.slice(0, 2) };
  if (item.view_name === "Scene" && position.length === 3) return { view: "scene", point: position };
  return null;
}

function inWords(where) {
  if (where.view === "camera") return "pixel " + where.pixel.map((number) => number.toFixed(1)).join(", ");
  return "point " + where.point.map((number) => number.toFixed(3)).join(", ") + " m";
}

function point(where) {
  if (mode() === "look") return say(inWords(where), true);
  const beside = shift || mode() === "beside";
  if (beside && where.view !== "camera") return say("Not this works in the picture only.", false);
  send("click", where.view === "camera" ? { ...where, beside } : where);
}

function onViewerEvent(text) {
  const event = JSON.parse(text);
  if (event.type !== "selection_change") return;
  const where = event.items.map(place).findLast((found) => found !== null);
  if (!where || !pressed) return;
  last = { x: pressed.x, y: pressed.y, where };
  pressed = null;
  point(where);
}

canvas.addEventListener("pointerdown", (event) => {
  pressed = event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
  shift = event.shiftKey;
}, true);

canvas.addEventListener("pointerup", (event) => {
  const here = pressed;
  if (!here) return;
  if (Math.hypot(event.clientX - here.x, event.clientY - here.y) > DRAGGED) {
    pressed = null;
    return;
  }
  const again = last && Math.hypot(here.x - last.x, here.y - last.y) < 1;
  if (again) setTimeout(() => {
    if (pressed !== here) return;
    pressed = null;
    point(last.where);
  }, REPEAT_AFTER);
}, true);

// --- rerun's viewer --------------------------------------------------------------------------------------------------

// It goes by what the system prefers; this page is dark for everybody.
const matchMedia = window.matchMedia.bind(window);
window.matchMedia = (query) => {
  const scheme = /prefers-color-scheme:\s*(dark|light)/.exec(query);
  return matchMedia(scheme ? (scheme[1] === "dark" ? "all" : "not all") : query);
};

const recordingUrl = "rerun+" + location.origin + "/proxy";

// A page that nobody sees draws nothing, holds no connection, and would hold up what is on its way.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    disconnect();
    viewer?.remove_receiver(recordingUrl);
  } else {
    connect();
    viewer?.add_receiver(recordingUrl);
  }
});

async function startViewer() {
  await wasm_bindgen({ module_or_path: "rerun/re_viewer_bg.wasm" });
  const hidden = "Hidden";
  const handle = new wasm_bindgen.WebHandle({
    url: [recordingUrl],
    render_backend: "webgl",
    hide_welcome_screen: true,
    persist: false,
    enable_history: false,
    panel_state_overrides: { top: hidden, blueprint: hidden, selection: hidden, time: hidden },
    on_viewer_event: onViewerEvent,
  });
  await handle.start(canvas);
  viewer = handle;
  if (document.hidden) viewer.remove_receiver(recordingUrl);
  element("loading").remove();
}

connect();
setInterval(() => {
  const now = performance.now();
  // A page that was busy drawing has yet to hear what came meanwhile: that excuses one silence.
  if (now - checkedAt > 1000 && !excused && heardAt > 0) {
    excused = true;
    heardAt = now;
  }
  checkedAt = now;
  show();
}, 250);
// The node sends as much as is drawn here.
let told = null;
setInterval(() => {
  const drawn = seen();
  if (drawn === null || drawn === told) return;
  if (over({ seen: drawn })) told = drawn;
}, 200);
startViewer().catch((error) => {
  element("loading").textContent = "The viewer does not start: " + error;
});
