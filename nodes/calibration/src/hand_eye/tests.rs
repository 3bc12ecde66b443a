//! The calibration as a whole, on samples with a known answer.

use super::*;
use crate::{
    board::Board,
    pose::{Pose, distance},
    synthetic::{self, Recipe, Synthetic},
};

fn recipe(seed: u64) -> Recipe {
    Recipe {
        setup: if seed.is_multiple_of(2) {
            Setup::EyeToHand
        } else {
            Setup::EyeInHand
        },
        board: synthetic::charuco(),
        samples: 20,
        outliers: 0,
        noise: Noise {
            corner_px: 0.2,
            robot_m: 1e-4,
            robot_rad: 0.01_f64.to_radians(),
        },
        seed,
    }
}

fn quick() -> Options {
    Options {
        leave_one_out: false,
        ..Options::default()
    }
}

fn solved(made: &Synthetic) -> HandEye {
    calibrate(&made.samples, &quick()).unwrap()
}

/// The errors of the solution along the axes of the mount, as [`Deviation`] has them.
fn errors(found: &HandEye, truth: &Isometry3<f64>) -> [f64; 6] {
    let shift = found.mount_from_camera.translation.vector - truth.translation.vector;
    let turn = (found.mount_from_camera.rotation * truth.rotation.inverse()).scaled_axis();
    [shift.x, shift.y, shift.z, turn.x, turn.y, turn.z]
}

#[test]
fn without_noise_the_truth_is_found() {
    for seed in 0..4 {
        let noise = Noise {
            corner_px: 0.0,
            robot_m: 0.0,
            robot_rad: 0.0,
        };
        let made = synthetic::hand_eye(&Recipe {
            noise,
            ..recipe(seed)
        });
        let found = solved(&made);
        let (shift, turn) = distance(&found.mount_from_camera, &made.mount_from_camera);
        assert!(shift < 1e-6 && turn < 1e-6, "{shift} {turn}");
        assert!(distance(&found.carrier_from_board, &made.carrier_from_board).0 < 1e-6);
        assert_eq!(found.used(), 20);
    }
}

/// The stated deviations against the spread of the errors over many runs: chi-squared over its degrees of freedom.
#[test]
fn stated_deviations_are_those_of_monte_carlo() {
    const RUNS: u64 = 120;
    let mut ratios = [0.0; 6];
    let mut noise = [const { Vec::new() }; 3];
    for seed in 0..RUNS {
        let made = synthetic::hand_eye(&recipe(seed));
        let found = solved(&made);
        let stated = found
            .deviation
            .translation_m
            .into_iter()
            .chain(found.deviation.rotation_rad);
        for ((ratio, error), stated) in ratios
            .iter_mut()
            .zip(errors(&found, &made.mount_from_camera))
            .zip(stated)
        {
            *ratio += (error / stated).powi(2) / RUNS as f64;
        }
        let told = [
            found.noise.corner_px / 0.2,
            found.noise.robot_m / 1e-4,
            found.noise.robot_rad / 0.01_f64.to_radians(),
        ];
        for (all, told) in noise.iter_mut().zip(told) {
            all.push(told);
        }
    }
    for ratio in ratios {
        // 120 runs tell a ratio to within 6 % or so.
        assert!((0.8..1.3).contains(&ratio.sqrt()), "{ratios:?}");
    }
    for told in &mut noise {
        told.sort_by(f64::total_cmp);
        let median = told[told.len() / 2];
        assert!((0.8..1.25).contains(&median), "{median}");
    }
}

#[test]
fn gross_errors_are_named_and_left_out() {
    for seed in 0..10 {
        let made = synthetic::hand_eye(&Recipe {
            outliers: 4,
            ..recipe(seed)
        });
        let found = solved(&made);
        let rejected: Vec<_> = found
            .samples
            .iter()
            .filter(|(_, outcome)| matches!(outcome, SampleOutcome::Rejected { .. }))
            .map(|(name, _)| name.clone())
            .collect();
        assert!(
            made.outliers.iter().all(|name| rejected.contains(name)),
            "{rejected:?} {:?}",
            made.outliers
        );
        assert!(rejected.len() <= made.outliers.len() + 1, "{rejected:?}");
        let (shift, turn) = distance(&found.mount_from_camera, &made.mount_from_camera);
        assert!(
            shift < 1e-3 && turn < 0.1_f64.to_radians(),
            "{shift} {turn}"
        );
    }
}

#[test]
fn leaving_one_out_predicts_what_is_seen() {
    let made = synthetic::hand_eye(&recipe(3));
    let found = calibrate(&made.samples, &Options::default()).unwrap();
    let (rms, left_out) = (found.rms_px(), found.left_out_px().unwrap());
    assert!(left_out > rms && left_out < 2.0 * rms, "{rms} {left_out}");
}

#[test]
fn intrinsics_can_be_refined_on_the_way() {
    let mut made = synthetic::hand_eye(&Recipe {
        samples: 30,
        ..recipe(2)
    });
    let truth = made.samples.camera;
    made.samples.camera.fx *= 1.003;
    made.samples.camera.cx += 2.0;
    let options = Options {
        refine_intrinsics: true,
        ..quick()
    };
    let found = calibrate(&made.samples, &options).unwrap();
    assert!(
        (found.camera.fx - truth.fx).abs() < 1.0,
        "{}",
        found.camera.fx
    );
    assert!(
        (found.camera.cx - truth.cx).abs() < 1.5,
        "{}",
        found.camera.cx
    );
}

#[test]
fn too_few_samples_are_told_with_the_reasons() {
    let mut made = synthetic::hand_eye(&Recipe {
        samples: 6,
        ..recipe(1)
    });
    made.samples.samples[1].corners.truncate(3);
    made.samples.samples[4]
        .base_from_flange
        .as_mut()
        .unwrap()
        .translation[0] = f64::NAN;
    let error = calibrate(&made.samples, &quick()).unwrap_err().to_string();
    assert!(
        error.contains("4 of 6")
            && error.contains("002: only 3 corners")
            && error.contains("005: its base_from_flange"),
        "{error}"
    );
}

#[test]
fn a_flange_in_another_unit_is_named_and_no_other() {
    for (seed, far, told) in [(0, 20.0, "20.0 m"), (1, 1e155, "1.0e155 m")] {
        let mut made = synthetic::hand_eye(&recipe(seed));
        made.samples.samples[6]
            .base_from_flange
            .as_mut()
            .unwrap()
            .translation = [far, 0.0, 0.0];
        let found = solved(&made);
        assert_eq!(found.used(), 19);
        let (name, outcome) = &found.samples[6];
        let SampleOutcome::Rejected { reason } = outcome else {
            panic!("{name}: {outcome:?}")
        };
        assert!(
            reason.contains(told) && reason.contains("millimetres"),
            "{reason}"
        );
    }
}

#[test]
fn corners_that_were_taken_for_others_are_not_said_to_lie_on_a_line_only() {
    let mut made = synthetic::hand_eye(&Recipe {
        samples: 5,
        ..recipe(0)
    });
    // All on the first row of the board: on a line, indeed.
    made.samples.samples[0].corners.truncate(6);
    let error = calibrate(&made.samples, &quick()).unwrap_err().to_string();
    assert!(
        error.contains("they lie on a line, or some were taken for others"),
        "{error}"
    );
}

#[test]
fn turns_about_one_axis_are_told() {
    let mut made = synthetic::hand_eye(&recipe(0));
    let first = made.samples.samples[0].clone();
    let base_from_flange = first.base_from_flange.unwrap().isometry().unwrap();
    let corners = made.samples.board.corners();
    for (index, sample) in made.samples.samples.iter_mut().enumerate() {
        let turn =
            nalgebra::UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 0.02 * index as f64);
        let pose = base_from_flange * turn;
        sample.base_from_flange = Some(Pose::from(&pose));
        let camera_from_board = made.mount_from_camera.inverse() * pose * made.carrier_from_board;
        sample.corners = corners
            .iter()
            .map(|(id, point)| {
                (
                    *id,
                    made.samples
                        .camera
                        .project(&(camera_from_board * point))
                        .unwrap(),
                )
            })
            .map(|(id, pixel)| (id, pixel.x, pixel.y))
            .collect();
    }
    let error = calibrate(&made.samples, &quick()).unwrap_err();
    assert!(matches!(error, HandEyeError::OneAxis { .. }), "{error}");
}

#[test]
fn a_mirrored_print_is_told() {
    let mut made = synthetic::hand_eye(&recipe(0));
    // Six inner corners in a row: the first becomes the last.
    for sample in &mut made.samples.samples {
        for (id, _, _) in &mut sample.corners {
            *id = *id - *id % 6 + (5 - *id % 6);
        }
    }
    let error = calibrate(&made.samples, &quick()).unwrap_err();
    assert!(
        matches!(error, HandEyeError::Mirrored { seen: 20, .. }),
        "{error}"
    );
}

#[test]
fn a_board_of_another_size_is_told() {
    for seed in 0..4 {
        let mut made = synthetic::hand_eye(&recipe(seed));
        let Board::Charuco {
            square_m, marker_m, ..
        } = &mut made.samples.board
        else {
            panic!()
        };
        *square_m *= 0.97;
        *marker_m *= 0.97;
        let error = calibrate(&made.samples, &quick()).unwrap_err();
        let HandEyeError::WrongSize { scale, .. } = error else {
            panic!("{error}")
        };
        assert!((scale - 1.0 / 0.97).abs() < 0.005, "{scale}");
    }
}

#[test]
fn a_camera_that_moved_is_told() {
    for (seed, shift) in [(0, 0.004), (1, 0.004), (2, 0.05), (3, 0.05)] {
        let recipe = recipe(seed);
        let mut made = synthetic::hand_eye(&recipe);
        // The samples from the twelfth on as a camera sees them that stands elsewhere.
        let camera_moved = Isometry3::translation(shift, 0.0, 0.0);
        let corners = made.samples.board.corners();
        for sample in made.samples.samples.iter_mut().skip(11) {
            let carrier = problem::mount_from_carrier(
                recipe.setup,
                &sample.base_from_flange.unwrap().isometry().unwrap(),
            );
            let camera_from_board = (made.mount_from_camera * camera_moved).inverse()
                * carrier
                * made.carrier_from_board;
            sample.corners = corners
                .iter()
                .map(|(id, point)| {
                    (
                        *id,
                        made.samples
                            .camera
                            .project(&(camera_from_board * point))
                            .unwrap(),
                    )
                })
                .map(|(id, pixel)| (id, pixel.x, pixel.y))
                .collect();
        }
        let error = calibrate(&made.samples, &quick()).unwrap_err();
        let HandEyeError::Moved {
            sample,
            shift: told,
            ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(sample, "012");
        assert!((told - shift).abs() < 0.2 * shift, "{told}");
    }
}

#[test]
fn noise_for_samples_agrees_on_nothing() {
    let mut made = synthetic::hand_eye(&recipe(0));
    let poses: Vec<_> = made
        .samples
        .samples
        .iter()
        .map(|sample| sample.base_from_flange)
        .collect();
    for (sample, pose) in made.samples.samples.iter_mut().zip(poses.iter().rev()) {
        sample.base_from_flange = *pose;
    }
    assert!(calibrate(&made.samples, &quick()).is_err());
}

#[test]
fn no_sample_is_answered_without_panic() {
    let mut made = synthetic::hand_eye(&recipe(0));
    made.samples.samples.clear();
    assert!(matches!(
        calibrate(&made.samples, &quick()),
        Err(HandEyeError::TooFew { .. })
    ));
}

#[test]
fn a_result_is_verified_on_fresh_samples() {
    let made = synthetic::hand_eye(&Recipe {
        samples: 30,
        ..recipe(4)
    });
    let (mut first, mut fresh) = (made.samples.clone(), made.samples.clone());
    first.samples.truncate(20);
    fresh.samples.drain(..20);
    fresh.samples[3].corners.clear();
    let found = calibrate(&first, &quick()).unwrap();
    let good = crate::result::HandEyeFile::from(&found);
    let misses = verify(&good, &fresh).unwrap();
    assert!(misses[3].1.is_err());
    let across: Vec<f64> = misses
        .iter()
        .filter_map(|(_, miss)| Some(miss.as_ref().ok()?.across_m))
        .collect();
    assert_eq!(across.len(), 9);
    assert!(across.iter().all(|across| *across < 1.5e-3), "{across:?}");
    // What is drawn is what is measured; the sample without corners has nothing to draw.
    let drawn = seen_and_predicted(&good, &fresh);
    assert_eq!(drawn.len(), 9);
    for (name, pairs) in &drawn {
        let squares = pairs
            .iter()
            .map(|[seen, predicted]| (predicted - seen).norm_squared());
        let rms_px = (squares.sum::<f64>() / pairs.len() as f64).sqrt();
        let miss = misses.iter().find(|(other, _)| other == name).unwrap();
        assert!((miss.1.as_ref().unwrap().rms_px - rms_px).abs() < 1e-9);
    }
    // A camera that was pushed aside by a centimetre since.
    let mut pushed = good.clone();
    pushed.parent_from_child.translation[0] += 0.01;
    let worse = verify(&pushed, &fresh).unwrap();
    assert!(
        worse
            .iter()
            .filter_map(|(_, miss)| miss.as_ref().ok())
            .all(|miss| miss.shift_m > 8e-3)
    );
}

#[test]
fn a_result_is_not_verified_on_samples_of_another_camera() {
    let made = synthetic::hand_eye(&recipe(4));
    let result = crate::result::HandEyeFile::from(&solved(&made));
    let others: [fn(&mut Samples); 4] = [
        |samples| samples.setup = Setup::EyeInHand,
        |samples| samples.frames.base = "table".to_owned(),
        |samples| samples.frames.camera = "left_camera".to_owned(),
        |samples| samples.camera.width /= 2,
    ];
    for change in others {
        let mut other = made.samples.clone();
        change(&mut other);
        assert!(verify(&result, &other).is_err());
    }
    // The result's intrinsics count, not those that the samples have.
    let mut told_wrongly = made.samples.clone();
    told_wrongly.camera.fx *= 1.1;
    assert_eq!(
        verify(&result, &told_wrongly),
        verify(&result, &made.samples)
    );
}
