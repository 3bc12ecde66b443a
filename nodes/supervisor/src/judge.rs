//! Was the object lifted? Judged from what a real cell can see and feel.

use nalgebra::Point3;

/// What the sensors say about the object in the hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Middle of the target's box in the base frame, when it is seen now, metres.
    pub centre: Option<Point3<f64>>,
    /// Middle of the target's box before the grasp, metres.
    pub centre_before: Option<Point3<f64>>,
    /// The palm in the base frame, metres.
    pub palm: Point3<f64>,
    /// Greatest load of the finger servos, 0 to 1.
    pub finger_load: f64,
}

/// Thresholds of the judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Rise of the object, metres, from which it counts as lifted.
    pub rise_m: f64,
    /// Distance from palm to the object's middle, metres, up to which the hand can hold it.
    pub reach_m: f64,
    /// Load of the fingers from which they hold something, when the camera does not see it.
    pub load: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            rise_m: 0.08,
            reach_m: 0.28,
            load: 0.25,
        }
    }
}

/// The judgement, with the evidence in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The object is in the hand, off the table.
    Held(String),
    /// It is not.
    NotHeld(String),
}

/// Judges the evidence. What the camera sees counts first; the fingers' load only when the object is hidden.
pub fn judge(evidence: &Evidence, thresholds: &Thresholds) -> Verdict {
    let Some(centre) = evidence.centre else {
        let percent = 100.0 * evidence.finger_load;
        return if evidence.finger_load >= thresholds.load {
            Verdict::Held(format!(
                "held, by the load of the fingers alone ({percent:.0} %): the camera does not see it"
            ))
        } else {
            Verdict::NotHeld(format!(
                "the hand closed on nothing: {percent:.0} % load, and the object is not seen"
            ))
        };
    };
    let from_palm = (centre - evidence.palm).norm();
    if from_palm > thresholds.reach_m {
        return Verdict::NotHeld(format!(
            "the object is {:.0} cm away from the palm",
            100.0 * from_palm
        ));
    }
    let rise = centre.z - evidence.centre_before.map_or(0.0, |before| before.z);
    if rise < thresholds.rise_m {
        return Verdict::NotHeld(format!("the object rose by {:.0} cm only", 100.0 * rise));
    }
    Verdict::Held(format!("lifted by {:.0} cm", 100.0 * rise))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted() -> Evidence {
        Evidence {
            centre: Some(Point3::new(0.28, 0.58, 0.3)),
            centre_before: Some(Point3::new(0.3, 0.6, 0.05)),
            palm: Point3::new(0.28, 0.48, 0.38),
            finger_load: 0.6,
        }
    }

    #[test]
    fn each_piece_of_evidence_counts() {
        let thresholds = Thresholds::default();
        let held = |evidence: Evidence| matches!(judge(&evidence, &thresholds), Verdict::Held(_));
        assert!(held(lifted()));
        assert!(
            !held(Evidence {
                centre: Some(Point3::new(0.3, 0.55, 0.05)),
                ..lifted()
            }),
            "still on the table"
        );
        assert!(!held(Evidence {
            centre: Some(Point3::new(0.28, 0.58, 0.11)),
            palm: Point3::new(0.3, 0.5, 0.2),
            ..lifted()
        }));
        assert!(
            held(Evidence {
                centre: None,
                ..lifted()
            }),
            "hidden, but the fingers feel it"
        );
        assert!(
            !held(Evidence {
                centre: None,
                finger_load: 0.05,
                ..lifted()
            }),
            "hidden and nothing felt"
        );
    }
}
