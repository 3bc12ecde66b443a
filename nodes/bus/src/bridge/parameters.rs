//! The parameter services of ROS 2, answered from a node's declarations.
//!
//! Nodes read their parameters at start, so that nothing about a moving robot changes under way: every parameter is
//! read-only to the outside, and an attempt to set one is refused with the reason. Of a secret nobody hears more than
//! that it is set: its declaration does not hold it.

use super::{Bridge, Handler};
use crate::{
    Node,
    error::{BusError, closest},
    names,
    parameter::{Allowed, Declared, ParameterValue as Value},
};
use msgs::{
    Service, cdr,
    rcl_interfaces::{
        DescribeParameters, DescribeParametersResponse, FloatingPointRange, GetParameterTypes,
        GetParameterTypesResponse, GetParameters, GetParametersResponse, IntegerRange,
        ListParameters, ListParametersRequest, ListParametersResponse, ListParametersResult,
        Parameter, ParameterDescriptor, ParameterType, ParameterValue, SetParameters,
        SetParametersAtomically, SetParametersAtomicallyResponse, SetParametersResponse,
        SetParametersResult,
    },
};
use std::sync::Arc;

impl Bridge {
    /// Lets the outside see `node`'s parameters.
    pub(crate) fn serve_parameters(&self, node: &Node) -> Result<(), BusError> {
        self.answer::<ListParameters>(node, "list_parameters", |declared, request| {
            ListParametersResponse {
                result: list(declared, &request),
            }
        })?;
        self.answer::<GetParameters>(node, "get_parameters", |declared, request| {
            let values = request
                .names
                .iter()
                .map(|name| find(declared, name).map_or_else(Default::default, |d| value(&d.value)))
                .collect();
            GetParametersResponse { values }
        })?;
        self.answer::<GetParameterTypes>(node, "get_parameter_types", |declared, request| {
            let types = request
                .names
                .iter()
                .map(|name| find(declared, name).map_or(ParameterType::NOT_SET, |d| kind(&d.value)))
                .collect();
            GetParameterTypesResponse { types }
        })?;
        self.answer::<DescribeParameters>(node, "describe_parameters", |declared, request| {
            let descriptors = request
                .names
                .iter()
                .map(|name| describe(name, find(declared, name)))
                .collect();
            DescribeParametersResponse { descriptors }
        })?;
        self.answer::<SetParameters>(node, "set_parameters", |declared, request| {
            let results = request
                .parameters
                .iter()
                .map(|parameter| set(declared, parameter))
                .collect();
            SetParametersResponse { results }
        })?;
        self.answer::<SetParametersAtomically>(
            node,
            "set_parameters_atomically",
            |declared, request| {
                let mut results = request
                    .parameters
                    .iter()
                    .map(|parameter| set(declared, parameter));
                let refused = results.find(|result| !result.successful);
                SetParametersAtomicallyResponse {
                    result: refused.unwrap_or_else(done),
                }
            },
        )
    }

    fn answer<S: Service>(
        &self,
        node: &Node,
        name: &str,
        answer: impl Fn(&[Declared], S::Request) -> S::Response + Send + Sync + 'static,
    ) -> Result<(), BusError> {
        let service = format!("{}/{name}", node.name());
        // A node's services are served for as long as the bridge lives: only the parameters may go with the node.
        let parameters = node.weak_parameters();
        let told = service.clone();
        let handler: Handler = Arc::new(move |request, reply| {
            let Some(declared) = parameters.declared() else {
                return;
            };
            let response = cdr::from_slice(request)
                .map(|request| answer(&declared, request))
                .and_then(|response| cdr::to_vec(&response));
            match response {
                Ok(response) => reply(response),
                Err(why) => tracing::error!("{told}: a request is ignored: {why}"),
            }
        });
        let guard = self.serve(node.name(), &service, S::TYPE_NAME, handler)?;
        crate::lock(&self.kept).push(guard);
        Ok(())
    }
}

fn find<'a>(declared: &'a [Declared], name: &str) -> Option<&'a Declared> {
    declared.iter().find(|declared| declared.name == name)
}

/// What `ros2 param list` asks for, by the rules of rclcpp.
fn list(declared: &[Declared], request: &ListParametersRequest) -> ListParametersResult {
    // A depth counts the parts of a name below the prefix.
    let is_near = |rest: &str| {
        request.depth == 0
            || u64::try_from(rest.matches('.').count()).is_ok_and(|parts| parts < request.depth)
    };
    let is_asked_for = |name: &str| {
        if request.prefixes.is_empty() {
            return is_near(name);
        }
        request
            .prefixes
            .iter()
            .any(|prefix| match name.strip_prefix(prefix.as_str()) {
                Some("") => true,
                Some(rest) => rest.strip_prefix('.').is_some_and(is_near),
                None => false,
            })
    };
    let names: Vec<String> = declared
        .iter()
        .map(|declared| declared.name.clone())
        .filter(|name| is_asked_for(name))
        .collect();
    let mut prefixes: Vec<String> = names
        .iter()
        .filter_map(|name| Some(name.rsplit_once('.')?.0.to_owned()))
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    ListParametersResult { names, prefixes }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => ParameterType::BOOL,
        Value::Integer(_) => ParameterType::INTEGER,
        Value::Double(_) => ParameterType::DOUBLE,
        Value::String(_) => ParameterType::STRING,
        Value::Bools(_) => ParameterType::BOOL_ARRAY,
        Value::Integers(_) => ParameterType::INTEGER_ARRAY,
        Value::Doubles(_) => ParameterType::DOUBLE_ARRAY,
        Value::Strings(_) => ParameterType::STRING_ARRAY,
    }
}

fn value(value: &Value) -> ParameterValue {
    let mut message = ParameterValue {
        r#type: kind(value),
        ..ParameterValue::default()
    };
    match value.clone() {
        Value::Bool(value) => message.bool_value = value,
        Value::Integer(value) => message.integer_value = value,
        Value::Double(value) => message.double_value = value,
        Value::String(value) => message.string_value = value,
        Value::Bools(values) => message.bool_array_value = values,
        Value::Integers(values) => message.integer_array_value = values,
        Value::Doubles(values) => message.double_array_value = values,
        Value::Strings(values) => message.string_array_value = values,
    }
    message
}

/// The value of a message; `None` where it has none, or bytes, which no parameter here takes.
fn given(message: &ParameterValue) -> Option<Value> {
    let message = message.clone();
    Some(match message.r#type {
        ParameterType::BOOL => Value::Bool(message.bool_value),
        ParameterType::INTEGER => Value::Integer(message.integer_value),
        ParameterType::DOUBLE => Value::Double(message.double_value),
        ParameterType::STRING => Value::String(message.string_value),
        ParameterType::BOOL_ARRAY => Value::Bools(message.bool_array_value),
        ParameterType::INTEGER_ARRAY => Value::Integers(message.integer_array_value),
        ParameterType::DOUBLE_ARRAY => Value::Doubles(message.double_array_value),
        ParameterType::STRING_ARRAY => Value::Strings(message.string_array_value),
        _ => return None,
    })
}

fn describe(name: &str, declared: Option<&Declared>) -> ParameterDescriptor {
    let mut descriptor = ParameterDescriptor {
        name: name.into(),
        ..ParameterDescriptor::default()
    };
    let Some(declared) = declared else {
        return descriptor;
    };
    descriptor.r#type = kind(&declared.value);
    descriptor.description.clone_from(&declared.description);
    descriptor.read_only = true;
    match &declared.limits {
        Some(Allowed::Integers(range)) => descriptor.integer_range.push(IntegerRange {
            from_value: *range.start(),
            to_value: *range.end(),
            step: 0,
        }),
        Some(Allowed::Numbers(range)) => descriptor.floating_point_range.push(FloatingPointRange {
            from_value: *range.start(),
            to_value: *range.end(),
            step: 0.0,
        }),
        Some(texts @ Allowed::Texts(_)) => descriptor.additional_constraints = texts.to_string(),
        None => {}
    }
    descriptor
}

/// Refuses, with the reason. What a parameter has already it may be given again.
fn set(declared: &[Declared], parameter: &Parameter) -> SetParametersResult {
    let refused = |reason: String| SetParametersResult {
        successful: false,
        reason,
    };
    let name = &parameter.name;
    let Some(known) = find(declared, name) else {
        let known = declared.iter().map(|declared| declared.name.as_str());
        let similar = names::similar(name, known);
        return refused(format!("there is no parameter {name}{}", closest(&similar)));
    };
    let Some(given) = given(&parameter.value) else {
        return refused(format!(
            "{name} is {}, and the value has no such type",
            known.value
        ));
    };
    if given == known.value {
        return done();
    }
    if kind(&given) != kind(&known.value) {
        return refused(format!(
            "{name} is {}, and {given} is of another type",
            known.value
        ));
    }
    if let Some(limits) = &known.limits
        && !limits.admits(&given)
    {
        return refused(format!("{name} must be {limits}, not {given}"));
    }
    refused(format!(
        "{name} is read when the node starts; start it again with -p {name}:={given}"
    ))
}

fn done() -> SetParametersResult {
    SetParametersResult {
        successful: true,
        reason: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn declared(name: &str, value: Value, limits: Option<Allowed>) -> Declared {
        Declared {
            name: name.into(),
            default: value.clone(),
            value,
            description: "what it does".into(),
            allowed: limits.as_ref().map(ToString::to_string),
            origin: Origin::Default,
            limits,
        }
    }

    fn example() -> Vec<Declared> {
        vec![
            declared("a.b.c", Value::Integer(3), Some(Allowed::Integers(1..=5))),
            declared("a.d", Value::Strings(vec!["x".into()]), None),
            declared(
                "mode",
                Value::String("slow".into()),
                Some(Allowed::Texts(vec!["slow".into(), "fast".into()])),
            ),
            declared(
                "rate_hz",
                Value::Double(7.5),
                Some(Allowed::Numbers(1.0..=50.0)),
            ),
        ]
    }

    fn listed(prefixes: &[&str], depth: u64) -> Vec<String> {
        let prefixes = prefixes.iter().map(ToString::to_string).collect();
        list(&example(), &ListParametersRequest { prefixes, depth }).names
    }

    #[test]
    fn lists_go_by_prefix_and_depth() {
        assert_eq!(listed(&[], 0), ["a.b.c", "a.d", "mode", "rate_hz"]);
        assert_eq!(listed(&[], 1), ["mode", "rate_hz"]);
        assert_eq!(listed(&["a"], 0), ["a.b.c", "a.d"]);
        assert_eq!(listed(&["a"], 1), ["a.d"]);
        assert_eq!(listed(&["mode", "a.b"], 0), ["a.b.c", "mode"]);
        assert!(listed(&["mod"], 0).is_empty());
        let all = list(&example(), &ListParametersRequest::default());
        assert_eq!(all.prefixes, ["a", "a.b"]);
    }

    #[test]
    fn descriptions_have_types_and_ranges() {
        let all = example();
        let described = |name: &str| describe(name, find(&all, name));
        let rate = described("rate_hz");
        assert_eq!((rate.r#type, rate.read_only), (ParameterType::DOUBLE, true));
        assert_eq!(rate.floating_point_range.len(), 1);
        assert_eq!(rate.floating_point_range[0].to_value, 50.0);
        assert_eq!(described("a.b.c").integer_range[0].from_value, 1);
        assert_eq!(
            described("mode").additional_constraints,
            "one of slow, fast"
        );
        assert_eq!(described("none").r#type, ParameterType::NOT_SET);
    }

    #[test]
    fn setting_is_refused_with_the_reason() {
        let all = example();
        let reason = |name: &str, new: Value| {
            let parameter = Parameter {
                name: name.into(),
                value: value(&new),
            };
            set(&all, &parameter).reason
        };
        assert!(reason("rate", Value::Double(1.0)).contains("or rate_hz?"));
        assert!(reason("rate_hz", Value::String("x".into())).contains("another type"));
        assert!(reason("rate_hz", Value::Double(99.0)).contains("from 1 to 50"));
        assert!(reason("rate_hz", Value::Double(9.0)).contains("-p rate_hz:=9.0"));
        assert_eq!(reason("rate_hz", Value::Double(7.5)), "", "nothing to do");
        let bytes = Parameter {
            name: "mode".into(),
            value: ParameterValue {
                r#type: ParameterType::BYTE_ARRAY,
                ..ParameterValue::default()
            },
        };
        assert!(!set(&all, &bytes).successful);
    }

    #[test]
    fn every_value_comes_back() {
        for original in [
            Value::Bool(true),
            Value::Integer(-3),
            Value::Double(2.5),
            Value::String("text".into()),
            Value::Bools(vec![true, false]),
            Value::Integers(vec![1, -2]),
            Value::Doubles(vec![]),
            Value::Strings(vec!["a".into(), String::new()]),
        ] {
            assert_eq!(given(&value(&original)), Some(original));
        }
        assert_eq!(given(&ParameterValue::default()), None);
    }
}
