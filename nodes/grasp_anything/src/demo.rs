//! The node `demo`: a person at the simulated cell who points at one object and tells what happens.

use std::time::Duration;

use anyhow::{Result, bail};
use bus::{Node, ParameterSpec, Time};
use supervisor::machine::State;

use crate::{
    output::print_line,
    report::{Align, Table},
    user::{Choice, Episode, Event, Truth, Until, User, UserError},
};

/// The object must stay in the hand for this long, and the whole grasp may take so long with all retries.
const HOLD: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(90);

const INTRODUCTION: &str = "
A person looks at the cell and points at an object. Here the simulator's truth stands for the person:
it gives the pixel of the click, and at the end the outcome. The robot gets the click alone.
";

/// Points at the object that shows most of itself, has it grasped and tells how it went.
pub(crate) async fn run(node: Node) -> Result<()> {
    let once = node.parameter::<bool>(
        ParameterSpec::new("once", false)
            .describe("end after one grasp, with an error if the object is not held"),
    )?;
    let user = User::new(node.clone())?;
    let start = node.now();
    let until = Until::Outcome {
        hold: HOLD,
        limit: LIMIT,
    };
    print_line(INTRODUCTION)?;
    let mut tell = |event: Event<'_>| tell(start, node.now(), event);
    let episode = match user.grasp(Choice::MostVisible, until, &mut tell).await {
        Ok(episode) => episode,
        // Why the launch ends is told by who ends it.
        Err(UserError::Ended) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    print_line(format_args!("\n{}\n", outcome(&episode)))?;
    print_line(format_args!(
        "How long each stage took, in milliseconds on this machine:\n\n{}",
        latencies(&node)
    ))?;
    match (once.get(), episode.is_lifted()) {
        (true, true) => Ok(()),
        (true, false) => bail!("the object was not lifted and held"),
        (false, _) => {
            print_line(
                "Put it down with `grasp_anything call release`, point at another object with\n\
                 `grasp_anything click U V --grasp`, or end with Ctrl-C.",
            )?;
            node.shutdown().await;
            Ok(())
        }
    }
}

fn tell(start: Time, now: Time, event: Event<'_>) {
    let seconds = now.saturating_since(start).as_secs_f64();
    if let Some(text) = in_words(&event) {
        // That nobody reads it is no reason to leave a robot in the middle of a motion.
        print_line(format_args!("{seconds:6.1} s  {text}")).ok();
    }
}

fn in_words(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Sees(truth) => format!("on the table: {}", names(truth)),
        Event::Clicks {
            object,
            pixel: [u, v],
        } => {
            format!(
                "the person points at {}, pixel ({u:.0}, {v:.0})",
                plain(object)
            )
        }
        Event::Segmented(status) => format!(
            "the segmentation sees it: {} pixels, score {}",
            status.value("area_px").unwrap_or("?"),
            status.value("score").unwrap_or("?")
        ),
        Event::State { state, reason } => {
            let known = State::named(state);
            if known == Some(State::Idle) {
                return None;
            }
            let words = match known {
                Some(known) => known.plain(),
                None => state,
            };
            if reason.is_empty() || *state == "targeted" {
                words.to_owned()
            } else {
                format!("{words}: {reason}")
            }
        }
    })
}

fn names(truth: &Truth) -> String {
    let names: Vec<_> = truth
        .objects
        .iter()
        .map(|object| plain(&object.name))
        .collect();
    names.join(", ")
}

/// `021_bleach_cleanser` as `bleach cleanser`, and `065-a_cups` as `cups`.
fn plain(name: &str) -> String {
    let numbered = name.starts_with(|c: char| c.is_ascii_digit());
    let words = name
        .split_once('_')
        .filter(|_| numbered)
        .map_or(name, |(_, words)| words);
    words.replace('_', " ")
}

/// The outcome in plain words.
fn outcome(episode: &Episode) -> String {
    let object = plain(&episode.object);
    let rise_cm = episode.rise_m() * 100.0;
    let highest_cm = episode.highest_rise_m * 100.0;
    if let Some(trouble) = &episode.trouble {
        return format!("No grasp of the {object}: {trouble}.");
    }
    let verdict = if episode.is_said_to_be_held() {
        "agrees: it says that the object is held"
    } else {
        "does not say so"
    };
    if episode.is_lifted() {
        format!(
            "Success: the {object} is {rise_cm:.0} cm above where it lay, and held. The supervisor {verdict}."
        )
    } else if episode.was_lifted() {
        format!(
            "Failure: the {object} was lifted by {highest_cm:.0} cm and then dropped. {}",
            last_words(episode)
        )
    } else {
        format!(
            "Failure: the {object} was not lifted. {}",
            last_words(episode)
        )
    }
}

fn last_words(episode: &Episode) -> String {
    let reason = if episode.reason.is_empty() {
        String::new()
    } else {
        format!(" ({})", episode.reason)
    };
    format!("The supervisor's last state: {}{reason}.", episode.state)
}

fn latencies(node: &Node) -> Table {
    let mut table = Table::new(&[
        ("node", Align::Left),
        ("stage", Align::Left),
        ("p50", Align::Right),
        ("p99", Align::Right),
        ("runs", Align::Right),
    ]);
    let millis = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
    for stage in node.diagnostics().stages() {
        table.row([
            stage.node,
            stage.stage,
            millis(stage.p50),
            millis(stage.p99),
            stage.count.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(plain("021_bleach_cleanser"), "bleach cleanser");
        assert_eq!(plain("065-a_cups"), "cups");
        assert_eq!(plain("red_box"), "red box");
    }

    #[test]
    fn states_are_told_in_words() {
        let told = in_words(&Event::State {
            state: "failed",
            reason: "the target is lost",
        });
        assert_eq!(
            told.as_deref(),
            Some("the grasp failed: the target is lost")
        );
        assert_eq!(
            in_words(&Event::State {
                state: "idle",
                reason: ""
            }),
            None
        );
    }
}
