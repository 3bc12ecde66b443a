//! The simulator's truth as figures.

use msgs::diagnostic_msgs::DiagnosticStatus;

/// What the simulator knows at one picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Truth {
    /// Why the episode cannot go on, where it cannot.
    pub(crate) broken: Option<String>,
    /// Over every pose and velocity.
    pub(crate) state_hash: String,
    pub(crate) objects: Vec<Object>,
}

/// An object on the table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object {
    /// Its name in the catalog.
    pub(crate) name: String,
    /// In `base_link`, metres.
    pub(crate) position: [f64; 3],
    pub(crate) visible_px: usize,
    /// Column and row of a pixel well inside of it; `None` when it is hidden.
    pub(crate) click: Option<[f64; 2]>,
}

impl Truth {
    /// Reads the message of `sim/truth`; `Err` names what is missing.
    pub(super) fn parse(message: &DiagnosticStatus) -> Result<Self, String> {
        let text = |key: &str| {
            message
                .value(key)
                .ok_or_else(|| format!("{key} is missing"))
        };
        let numbers = |key: &str| -> Result<Vec<f64>, String> {
            let parsed: Option<_> = text(key)?
                .split_whitespace()
                .map(|number| number.parse().ok())
                .collect();
            parsed.ok_or_else(|| format!("{key} is no list of numbers"))
        };
        let count: usize = text("objects")?
            .parse()
            .map_err(|_| "objects is no number".to_owned())?;
        let object = |index: usize| -> Result<Object, String> {
            let key = |name: &str| format!("object.{index}.{name}");
            let &[x, y, z, ..] = numbers(&key("pose"))?.as_slice() else {
                return Err(format!("{} is too short", key("pose")));
            };
            let click = match message.value(&key("click")) {
                Some(_) => match numbers(&key("click"))?.as_slice() {
                    &[u, v] => Some([u, v]),
                    _ => return Err(format!("{} is no pixel", key("click"))),
                },
                None => None,
            };
            let visible_px = text(&key("visible_px"))?
                .parse()
                .map_err(|_| format!("{} is no number", key("visible_px")))?;
            Ok(Object {
                name: text(&key("name"))?.to_owned(),
                position: [x, y, z],
                visible_px,
                click,
            })
        };
        Ok(Self {
            broken: (message.level != DiagnosticStatus::OK).then(|| message.message.clone()),
            state_hash: text("state_hash")?.to_owned(),
            objects: (0..count).map(object).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use msgs::diagnostic_msgs::KeyValue;

    use super::*;

    #[test]
    fn objects_are_read_and_what_is_missing_is_named() {
        let mut message = DiagnosticStatus {
            message: "ok".to_owned(),
            values: vec![
                KeyValue::new("state_hash", "00ff"),
                KeyValue::new("objects", 1),
                KeyValue::new("object.0.name", "025_mug"),
                KeyValue::new("object.0.pose", "0.1 0.2 0.3 0 0 0 1"),
                KeyValue::new("object.0.visible_px", 42),
                KeyValue::new("object.0.click", "7 8"),
            ],
            ..DiagnosticStatus::default()
        };
        let truth = Truth::parse(&message).unwrap();
        assert_eq!(truth.broken, None);
        let object = Object {
            name: "025_mug".to_owned(),
            position: [0.1, 0.2, 0.3],
            visible_px: 42,
            click: Some([7.0, 8.0]),
        };
        assert_eq!(truth.objects, [object]);

        message.values.pop();
        assert_eq!(Truth::parse(&message).unwrap().objects[0].click, None);
        message.values.pop();
        assert!(
            Truth::parse(&message)
                .unwrap_err()
                .contains("object.0.visible_px")
        );
        message.level = DiagnosticStatus::ERROR;
    }
}
