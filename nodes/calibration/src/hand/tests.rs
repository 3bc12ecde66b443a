//! The known answer: the published curves of one hand.

use std::path::{Path, PathBuf};

use robot::Hand;

use super::*;

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../calibration/sih_right.yaml")
}

fn recipe(seed: u64) -> synthetic::Recipe {
    synthetic::Recipe {
        marker_rad: 0.5_f64.to_radians(),
        play_ticks: 15.0,
        lag_s: 0.05,
        held_back: true,
        seed,
    }
}

#[test]
fn the_published_curves_are_found_again() {
    let truth = Hand::from_file(published()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut worst = 0.0_f64;
    for seed in 0..3 {
        let made = synthetic::measured(&truth, &recipe(seed));
        let fitted = calibrate(&made).unwrap();
        assert_eq!(fitted.len(), 11);
        for (joint, fit) in &fitted {
            let squares = fit
                .measured
                .iter()
                .map(|[u, angle]| (fit.angle(*u, 0.0) - angle).powi(2));
            let rms = (squares.sum::<f64>() / fit.measured.len() as f64).sqrt();
            assert!(
                (rms - fit.rms).abs() < 1e-9,
                "{joint}: {rms} is not {}",
                fit.rms
            );
        }
        let file = folder.path().join(format!("{seed}.yaml"));
        HandFile::read(published())
            .unwrap()
            .with(&fitted)
            .write(&file, false)
            .unwrap();
        let off = synthetic::mean_difference(&truth, &Hand::from_file(&file).unwrap());
        worst = worst.max(off.iter().sum::<f64>() / 11.0);
        let index = &fitted
            .iter()
            .find(|(joint, _)| *joint == "index_finger")
            .unwrap()
            .1;
        assert!(
            (index.play_ticks - 15.0).abs() < 8.0,
            "{}",
            index.play_ticks
        );
        assert!((index.lag_s - 0.05).abs() < 0.02, "{}", index.lag_s);
    }
    assert!(worst.to_degrees() < 0.44, "{}", worst.to_degrees());
}

#[test]
fn fingers_that_were_never_held_back_are_told() {
    let truth = Hand::from_file(published()).unwrap();
    let made = synthetic::measured(
        &truth,
        &synthetic::Recipe {
            held_back: false,
            ..recipe(1)
        },
    );
    let error = calibrate(&made).unwrap_err();
    assert!(
        matches!(
            error,
            HandError::Joint {
                error: FitError::NotHeldBack { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_servo_that_stands_still_and_few_samples_are_told() {
    let truth = Hand::from_file(published()).unwrap();
    let made = synthetic::measured(&truth, &recipe(1));
    let still = HandSamples {
        samples: vec![made.samples[0].clone(); 60],
    };
    assert!(matches!(
        calibrate(&still),
        Err(HandError::Joint {
            error: FitError::NotMoved { .. },
            ..
        })
    ));
    let few = HandSamples {
        samples: made.samples.iter().step_by(20).cloned().collect(),
    };
    assert!(matches!(
        calibrate(&few),
        Err(HandError::Joint {
            error: FitError::TooFew(_),
            ..
        })
    ));
    assert!(
        calibrate(&HandSamples {
            samples: Vec::new()
        })
        .unwrap()
        .is_empty()
    );
}

#[test]
fn a_number_that_is_none_is_named_with_its_sample() {
    let truth = Hand::from_file(published()).unwrap();
    let made = synthetic::measured(&truth, &recipe(1));
    let told = |spoil: fn(&mut HandSample)| {
        let mut made = made.clone();
        spoil(&mut made.samples[6]);
        calibrate(&made).unwrap_err().to_string()
    };
    for (error, what) in [
        (
            told(|sample| sample.ticks_per_s[2] = f64::NAN),
            "ticks_per_s",
        ),
        (told(|sample| sample.ticks[4] = f64::INFINITY), "ticks"),
        (
            told(|sample| {
                sample
                    .markers
                    .get_mut("index_finger")
                    .unwrap()
                    .rotation_xyzw[0] = f64::NAN;
            }),
            "index_finger",
        ),
    ] {
        assert!(
            error.contains("sample 7") && error.contains(what),
            "{error}"
        );
    }
}

#[test]
fn ticks_of_another_moment_are_beyond_the_limit() {
    let truth = Hand::from_file(published()).unwrap();
    let mut made = synthetic::measured(&truth, &recipe(1));
    let off = |made: &HandSamples| -> BTreeMap<&'static str, f64> {
        let fitted = calibrate(made).unwrap();
        let beyond = fitted.iter().filter(|(_, fit)| !fit.is_within_limit());
        beyond.map(|(joint, fit)| (*joint, fit.rms)).collect()
    };
    assert_eq!(off(&made), BTreeMap::new());
    // The index finger's servo, in every fifth sample.
    let ticks: Vec<f64> = made.samples.iter().map(|sample| sample.ticks[2]).collect();
    for (sample, ticks) in made.samples.iter_mut().zip(ticks.iter().rev()).step_by(5) {
        sample.ticks[2] = *ticks;
    }
    let off = off(&made);
    assert!(
        off.contains_key("index_finger") && off.keys().all(|joint| joint.starts_with("index")),
        "{off:?}"
    );
}

#[test]
fn samples_round_trip_and_a_result_is_not_lost() {
    let truth = Hand::from_file(published()).unwrap();
    let mut made = synthetic::measured(&truth, &recipe(1));
    made.samples.truncate(3);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hand.yaml");
    made.write(&file).unwrap();
    assert_eq!(HandSamples::read(&file).unwrap().samples.len(), 3);
    let like = HandFile::read(published()).unwrap();
    let result = folder.path().join("result.yaml");
    like.write(&result, false).unwrap();
    assert_eq!(HandFile::read(&result).unwrap(), like);
    assert!(
        like.write(&result, false)
            .unwrap_err()
            .to_string()
            .contains("--replace")
    );
    like.write(&result, true).unwrap();
}
