//! No input makes the reader panic.

use crate::common::Files;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        "[a-z0-9/_.]{0,6}",
        Just("$(var a)".to_owned()),
        Just("$(var $(var a) b)".to_owned()),
        Just("$(env HOME)".to_owned()),
        Just("$(dirname)/main.launch".to_owned()),
        Just("$(eval 1)".to_owned()),
        Just("true".to_owned()),
        Just("[1, 2".to_owned()),
        Just("$(".to_owned()),
    ]
}

fn element() -> impl Strategy<Value = String> {
    let tag = prop::sample::select(vec![
        "arg",
        "let",
        "node",
        "param",
        "remap",
        "set_remap",
        "group",
        "push-ros-namespace",
        "include",
        "choice",
        "x",
    ]);
    let attribute = prop::sample::select(vec![
        "name",
        "value",
        "default",
        "pkg",
        "exec",
        "namespace",
        "from",
        "to",
        "file",
        "if",
        "unless",
        "scoped",
        "type",
        "value-sep",
        "output",
        "y",
    ]);
    let attributes = prop::collection::btree_map(attribute, text(), 0..5);
    let leaf = (tag.clone(), attributes.clone())
        .prop_map(|(tag, attributes)| render(tag, &attributes, ""));
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (
            tag.clone(),
            attributes.clone(),
            prop::collection::vec(inner, 0..4),
        )
            .prop_map(|(tag, attributes, children)| render(tag, &attributes, &children.concat()))
    })
}

fn render(
    tag: &str,
    attributes: &std::collections::BTreeMap<&str, String>,
    children: &str,
) -> String {
    let attributes: String = attributes
        .iter()
        .map(|(name, value)| format!(" {name}=\"{value}\""))
        .collect();
    format!("<{tag}{attributes}>{children}</{tag}>")
}

proptest! {
    #[test]
    fn random_elements(elements in prop::collection::vec(element(), 0..6)) {
        let files = Files::new(&elements.join("\n"));
        let _ = files.plan(&["a:=1"]);
        let _ = files.launcher().arguments(&files.path("main.launch"));
    }

    #[test]
    fn random_text(text in "[<>/\"a-z=$() \\n]{0,80}") {
        let _ = Files::new("").with("main.launch", &text).plan(&[]);
    }

    #[test]
    fn random_values(value in "[-+0-9a-z.,:{}\\[\\]'#&*!|>%@` ]{0,20}") {
        let body = format!(r#"<node pkg="p" exec="e"><param name="a" value="{}"/></node>"#, value.replace(['&', '<'], ""));
        let _ = Files::new(&body).plan(&[]);
    }
}
