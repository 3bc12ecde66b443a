//! The course of a calibration, of the camera's place or of its lens, in which the robot moves itself: look, choose the next pose, go there, look again.
//!
//! [`Routine`] decides, and knows neither messages nor pictures: whoever runs it tells it the time, what arm and driver say
//! of themselves and what came of the last picture, and does what it says.

use nalgebra::Isometry3;
use robot::{
    motion::{Arm, Course, Progress, times},
    ur5,
};

use super::{PlanError, Planner, room::Room};
use crate::{
    hand_eye::{Belief, Guess, HandEye},
    intrinsics::Judgement,
    sample::Samples,
};

/// Joint positions and the driver's report are old after this long, seconds.
const STALE_S: (f64, f64) = (0.5, 1.5);
/// How long pictures of a pose may take, seconds.
const PATIENCE_S: f64 = 20.0;
/// A driver goes from rest to rest on a cubic, whose greatest speed is so many times its mean.
const PEAK_OVER_MEAN: f64 = 1.5;
/// A pose of which so many pictures in a row are not usable is left.
const UNUSABLE: usize = 4;

/// What a run is to be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// How many samples there are to be in the end; of the lens fewer, if they cover it.
    pub poses: usize,
    /// Greatest joint speed, rad/s.
    pub speed: f64,
    /// Equal seeds draw equal poses.
    pub seed: u64,
}

/// What came of a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// Nothing yet.
    Waiting,
    /// A sample was added, or there is one of this pose.
    Taken,
    /// Nothing to be had of it, for this reason.
    Unusable(String),
}

/// What arm and driver said last, and when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArmReport {
    /// Joint positions, rad, and the time in seconds.
    pub joints: Option<(Arm, f64)>,
    /// The driver's condition, its reason, and the time in seconds.
    pub driver: Option<(String, String, f64)>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Let the arm go from where it is to these joint positions, rad.
    Go {
        /// Where it is.
        from: Arm,
        /// Where it is to be.
        to: Arm,
        /// How long it is to take, seconds.
        time_s: f64,
    },
    /// There are samples enough.
    Finish,
}

/// Why a run ended before its time. Samples that were taken are good.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutineError {
    /// The driver does not take commands any more.
    #[error(
        "the arm's driver is {condition}: {reason}; see to it, call arm/reset, and start again: samples are kept"
    )]
    Driver {
        /// What it is.
        condition: String,
        /// Why.
        reason: String,
    },
    /// Nobody says where the arm is.
    #[error("{0}; is ur_driver running? Samples are kept")]
    Silent(&'static str),
    /// Something is in its way.
    #[error(
        "the arm did not arrive; is something in its way, or was it slowed down? Samples are kept"
    )]
    NotArrived,
    /// There is no beginning.
    #[error(
        "the camera sees no board where the robot is: {0}. Move the robot until the whole board is in the picture, and start again"
    )]
    NotSeen(String),
    /// The camera is silent.
    #[error(
        "no usable picture has come for {PATIENCE_S} s; is the camera running? Samples are kept"
    )]
    NoPictures,
    /// The guess is wrong, or the board is covered.
    #[error(
        "the board was not seen at {0} poses where it should have been: is the guess of the camera's place right, and is the board covered? Samples are kept"
    )]
    Missed(usize),
    /// What was seen does not go together.
    #[error("the samples do not go together: is it the same board, and is it fastened?")]
    Contradiction,
    /// Nowhere to go.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

#[derive(Debug, Clone)]
enum Phase {
    /// For driver and arm.
    Waiting,
    Looking {
        since_s: f64,
        unusable: usize,
    },
    Going(Course),
}

/// The course of a run; see the [module](self).
#[derive(Debug, Clone)]
pub struct Routine {
    room: Room,
    guess: Guess,
    rules: Rules,
    planner: Option<Planner>,
    phase: Phase,
    missed: Vec<Isometry3<f64>>,
}

impl Routine {
    /// A run from wherever the arm is.
    #[must_use]
    pub fn new(room: Room, guess: Guess, rules: Rules) -> Self {
        Self {
            room,
            guess,
            rules,
            planner: None,
            phase: Phase::Waiting,
            missed: Vec::new(),
        }
    }

    /// Whether pictures are wanted.
    #[must_use]
    pub fn is_looking(&self) -> bool {
        matches!(self.phase, Phase::Looking { .. })
    }

    /// Takes note of the time and the arm.
    ///
    /// # Errors
    /// When the run cannot go on.
    pub fn tick(&mut self, now_s: f64, report: &ArmReport) -> Result<(), RoutineError> {
        let arm = match condition(now_s, report) {
            Ok(arm) => arm,
            // It may still be starting.
            Err(_) if matches!(self.phase, Phase::Waiting) => return Ok(()),
            Err(error) => return Err(error),
        };
        match &self.phase {
            Phase::Waiting => {
                self.planner
                    .get_or_insert_with(|| Planner::new(self.room.clone(), arm, self.rules.seed));
                self.look(now_s);
            }
            Phase::Going(course) => match course.progress(now_s, &arm) {
                Progress::Underway => {}
                Progress::Arrived => self.look(now_s),
                Progress::Late => return Err(RoutineError::NotArrived),
            },
            Phase::Looking { since_s, .. } => {
                if now_s - since_s > PATIENCE_S {
                    return Err(RoutineError::NoPictures);
                }
            }
        }
        Ok(())
    }

    fn look(&mut self, now_s: f64) {
        self.phase = Phase::Looking {
            since_s: now_s,
            unusable: 0,
        };
    }

    /// Takes note of what came of a picture of the arm at rest, and says what is to be done, if anything. With a `judgement`
    /// it is the lens that is to be found.
    ///
    /// # Errors
    /// When the run cannot go on.
    pub fn looked(
        &mut self,
        now_s: f64,
        look: Look,
        report: &ArmReport,
        samples: &Samples,
        found: Option<&HandEye>,
        judgement: Option<&Judgement>,
    ) -> Result<Option<Order>, RoutineError> {
        let arm = condition(now_s, report)?;
        let Phase::Looking { unusable, .. } = &mut self.phase else {
            return Ok(None);
        };
        match look {
            Look::Waiting => return Ok(None),
            Look::Taken => {}
            Look::Unusable(reason) => {
                *unusable += 1;
                if *unusable < UNUSABLE {
                    return Ok(None);
                }
                if samples.samples.is_empty() {
                    return Err(RoutineError::NotSeen(reason));
                }
                self.missed.push(ur5::forward(&arm));
                if self.missed.len() > self.rules.poses {
                    return Err(RoutineError::Missed(self.missed.len()));
                }
            }
        }
        let is_enough = judgement.is_some_and(|judgement| judgement.verdict().is_ok());
        if is_enough || samples.samples.len() >= self.rules.poses {
            return Ok(Some(Order::Finish));
        }
        let Some(planner) = &mut self.planner else {
            return Ok(None);
        };
        let belief = Belief::new(samples, &self.guess, found).ok_or(RoutineError::Contradiction)?;
        let taken = samples.samples.iter();
        let taken = taken.filter_map(|sample| sample.base_from_flange?.isometry());
        let tried: Vec<_> = self.missed.iter().copied().chain(taken).collect();
        let to = planner
            .next(
                &belief,
                judgement.map(|judgement| &judgement.coverage),
                &tried,
                &arm,
            )?
            .arm;
        let (path, speed) = ([arm, to], self.rules.speed / PEAK_OVER_MEAN);
        // A path of two points has a course.
        if let Some(course) = Course::new(&path, speed, now_s) {
            self.phase = Phase::Going(course);
        }
        Ok(Some(Order::Go {
            from: arm,
            to,
            time_s: times(&path, speed).last().copied().unwrap_or_default(),
        }))
    }

    /// Poses that did not show the board.
    #[must_use]
    pub fn missed(&self) -> usize {
        self.missed.len()
    }
}

/// Where the arm is, if all is well.
fn condition(now_s: f64, report: &ArmReport) -> Result<Arm, RoutineError> {
    let arm = report
        .joints
        .filter(|(_, at_s)| now_s - at_s <= STALE_S.0)
        .map(|(arm, _)| arm);
    let driver = report.driver.as_ref();
    let Some((condition, reason, _)) = driver.filter(|(.., at_s)| now_s - at_s <= STALE_S.1) else {
        return Err(RoutineError::Silent(
            "the arm's driver has not reported for 1.5 s",
        ));
    };
    if condition != "ready" {
        return Err(RoutineError::Driver {
            condition: condition.clone(),
            reason: reason.clone(),
        });
    }
    arm.ok_or(RoutineError::Silent(
        "the arm's joints have not been reported for half a second",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{room, tests::Cell};

    struct Run {
        routine: Routine,
        cell: Cell,
        arm: Arm,
        now_s: f64,
    }

    impl Run {
        fn new(poses: usize) -> Self {
            let cell = Cell::new(1);
            Self {
                routine: Routine::new(
                    room::tests::room(),
                    cell.guess,
                    Rules {
                        poses,
                        speed: 0.3,
                        seed: 1,
                    },
                ),
                cell,
                arm: ur5::RESET_POSE,
                now_s: 0.0,
            }
        }

        fn report(&self) -> ArmReport {
            ArmReport {
                joints: Some((self.arm, self.now_s)),
                driver: Some(("ready".to_owned(), String::new(), self.now_s)),
            }
        }

        fn tick(&mut self) {
            self.now_s += 0.05;
            self.routine.tick(self.now_s, &self.report()).unwrap();
        }

        fn looked(&mut self, look: Look) -> Result<Option<Order>, RoutineError> {
            let (report, found) = (self.report(), self.cell.found());
            let samples = &self.cell.samples;
            self.routine
                .looked(self.now_s, look, &report, samples, found.as_ref(), None)
        }
    }

    #[test]
    fn it_looks_goes_and_ends() {
        let mut run = Run::new(8);
        assert!(!run.routine.is_looking());
        run.tick();
        let mut orders = 0;
        loop {
            assert!(run.routine.is_looking());
            assert_eq!(run.looked(Look::Waiting), Ok(None));
            // The third pose is covered by something.
            let order = if orders != 2 && run.cell.take(&run.arm.clone()) {
                run.looked(Look::Taken).unwrap().unwrap()
            } else {
                for _ in 1..UNUSABLE {
                    assert_eq!(run.looked(Look::Unusable("covered".to_owned())), Ok(None));
                }
                run.looked(Look::Unusable("covered".to_owned()))
                    .unwrap()
                    .unwrap()
            };
            orders += 1;
            let Order::Go { from, to, time_s } = order else {
                break;
            };
            assert_eq!(from, run.arm);
            assert!(!run.routine.is_looking());
            run.tick();
            run.arm = to;
            run.tick();
            assert!(!run.routine.is_looking(), "too soon");
            // No joint is faster than asked for, at its fastest.
            assert!(time_s >= 1.5 * robot::motion::travel(&from, &to) / 0.3 - 1e-9);
            run.now_s += time_s;
            run.tick();
        }
        assert_eq!(run.cell.samples.samples.len(), 8);
        assert!(run.routine.missed() >= 1);
        let found = run.cell.found().unwrap();
        let (shift, _) =
            crate::pose::distance(&found.mount_from_camera, &run.cell.mount_from_camera);
        assert!(shift < 1.5e-3, "{shift}");
    }

    #[test]
    fn it_ends_when_it_cannot_go_on() {
        let mut run = Run::new(8);
        run.tick();
        for _ in 1..UNUSABLE {
            assert_eq!(run.looked(Look::Unusable("dark".to_owned())), Ok(None));
        }
        let error = run.looked(Look::Unusable("dark".to_owned())).unwrap_err();
        assert_eq!(error, RoutineError::NotSeen("dark".to_owned()));

        assert!(run.cell.take(&run.arm.clone()));
        run.looked(Look::Taken).unwrap();
        let mut stopped = run.report();
        stopped.driver = Some(("stopped".to_owned(), "arm/stop".to_owned(), run.now_s));
        let error = run.routine.tick(run.now_s, &stopped).unwrap_err();
        assert!(error.to_string().contains("stopped: arm/stop"), "{error}");
        let mut silent = run.report();
        silent.joints = Some((run.arm, run.now_s - 0.6));
        assert!(matches!(
            run.routine.tick(run.now_s, &silent),
            Err(RoutineError::Silent(_))
        ));
        run.now_s += 60.0;
        let late = run.routine.tick(run.now_s, &run.report());
        assert_eq!(late, Err(RoutineError::NotArrived));
    }

    #[test]
    fn it_waits_for_the_driver_and_not_for_ever_for_pictures() {
        let mut run = Run::new(8);
        run.routine.tick(0.0, &ArmReport::default()).unwrap();
        assert!(!run.routine.is_looking());
        run.tick();
        assert!(run.routine.is_looking());
        run.now_s += 30.0;
        let error = run.routine.tick(run.now_s, &run.report());
        assert_eq!(error, Err(RoutineError::NoPictures));
    }
}
