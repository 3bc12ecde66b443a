//! Where an episode begins and ends, by what the supervisor says.

use std::time::Duration;

use bus::Time;
use supervisor::machine::State;

/// A target that nothing is done about for so long begins no episode.
const WAITING: Duration = Duration::from_secs(60);
/// An object that is held for so long will not tell more.
const HOLDING: Duration = Duration::from_secs(10);

/// What is to happen to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Begin,
    End(Outcome),
}

/// How an episode ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// `held`, `failed`, `stopped`, or `not started`.
    pub(crate) word: &'static str,
    /// Why, in the supervisor's words.
    pub(crate) reason: String,
    /// Attempts that were made.
    pub(crate) attempts: u32,
}

/// Follows the supervisor.
#[derive(Debug, Default)]
pub(crate) struct Episodes {
    state: Option<State>,
    /// When the state was entered.
    since: Time,
    is_open: bool,
    /// The most that was reached in this episode, and the words for it.
    outcome: Outcome,
}

impl Episodes {
    /// How it would end now.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }

    /// Takes what the supervisor says.
    pub(crate) fn hear(
        &mut self,
        now: Time,
        state: State,
        reason: &str,
        attempt: u32,
    ) -> Option<Change> {
        let before = self.state.replace(state);
        if before == Some(state) {
            return None;
        }
        self.since = now;
        let begins = !self.is_open && (state == State::Targeted || state.is_attempt());
        if begins {
            self.is_open = true;
            self.outcome = Outcome {
                word: "not started",
                ..Outcome::default()
            };
        } else if !self.is_open {
            return None;
        }
        reason.clone_into(&mut self.outcome.reason);
        match state {
            State::Approaching | State::Grasping | State::Lifting => {
                self.outcome.word = "stopped";
                self.outcome.attempts = self.outcome.attempts.max(attempt);
            }
            State::Holding => self.outcome.word = "held",
            State::Failed => {
                self.outcome.word = "failed";
                return Some(self.end());
            }
            // What is held is put down, or the person has taken over.
            State::Estopped | State::Releasing | State::Idle => return Some(self.end()),
            State::Targeted if self.outcome.attempts > 0 => return Some(self.end()),
            // On the way home before another attempt, or before the first.
            State::Targeted | State::Homing => {}
        }
        begins.then_some(Change::Begin)
    }

    /// Takes the time.
    pub(crate) fn wait(&mut self, now: Time) -> Option<Change> {
        let limit = match self.state? {
            State::Targeted => WAITING,
            State::Holding => HOLDING,
            _ => return None,
        };
        (self.is_open && now.saturating_since(self.since) >= limit).then(|| self.end())
    }

    fn end(&mut self) -> Change {
        self.is_open = false;
        Change::End(self.outcome.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to files as these states come, a second after each other.
    fn changes(states: &[(State, u32)]) -> Vec<String> {
        let mut episodes = Episodes::default();
        let mut told = Vec::new();
        for (second, (state, attempt)) in states.iter().enumerate() {
            let now = Time::from_secs_f64(second as f64);
            let change = episodes.hear(now, *state, state.name(), *attempt);
            told.extend(
                change
                    .or_else(|| episodes.wait(now))
                    .map(|change| match change {
                        Change::Begin => "begin".to_owned(),
                        Change::End(Outcome {
                            word,
                            reason,
                            attempts,
                        }) => format!("{word} {attempts}: {reason}"),
                    }),
            );
        }
        told
    }

    use State::{
        Approaching, Estopped, Failed, Grasping, Holding, Homing, Idle, Lifting, Releasing,
        Targeted,
    };

    #[test]
    fn an_episode_goes_from_the_target_to_the_outcome() {
        let success = [
            (Idle, 0),
            (Targeted, 0),
            (Approaching, 1),
            (Grasping, 1),
            (Lifting, 1),
            (Holding, 1),
            (Releasing, 1),
            (Idle, 1),
        ];
        assert_eq!(changes(&success), ["begin", "held 1: releasing"]);
        let second = [
            (Targeted, 0),
            (Approaching, 1),
            (Homing, 1),
            (Approaching, 2),
            (Failed, 2),
            (Idle, 2),
        ];
        assert_eq!(changes(&second), ["begin", "failed 2: failed"]);
        let slipped = [(Targeted, 0), (Approaching, 1), (Holding, 1), (Failed, 1)];
        assert_eq!(changes(&slipped), ["begin", "failed 1: failed"]);
    }

    #[test]
    fn a_person_may_end_it() {
        let stopped = [
            (Targeted, 0),
            (Approaching, 1),
            (Targeted, 1),
            (Approaching, 1),
            (Estopped, 1),
            (Idle, 1),
        ];
        let told = [
            "begin",
            "stopped 1: targeted",
            "begin",
            "stopped 1: estopped",
        ];
        assert_eq!(changes(&stopped), told);
        let untried = [(Targeted, 0), (Homing, 0), (Idle, 0)];
        assert_eq!(changes(&untried), ["begin", "not started 0: idle"]);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut waiting = vec![(Targeted, 0); 70];
        assert_eq!(changes(&waiting), ["begin", "not started 0: targeted"]);
        waiting.push((Approaching, 1));
        assert_eq!(
            changes(&waiting).len(),
            3,
            "the next attempt is another episode"
        );
        let mut holding = vec![(Approaching, 1)];
        holding.extend([(Holding, 1); 20]);
        assert_eq!(changes(&holding), ["begin", "held 1: holding"]);
    }
}
