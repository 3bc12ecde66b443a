//! An XML element of a launch file, with its place in the file.

use std::path::Path;

use roxmltree::{Attribute, Node};

use crate::{
    error::{LaunchError, Locate as _, Location, Problem},
    supported,
};

/// An XML element and the file that it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    node: Node<'a, 'a>,
    file: &'a Path,
}

impl<'a> Element<'a> {
    /// The outermost element of `document`, which must be `<launch>`.
    pub(crate) fn root(
        document: &'a roxmltree::Document<'a>,
        file: &'a Path,
    ) -> Result<Self, LaunchError> {
        let root = Self {
            node: document.root_element(),
            file,
        };
        if root.tag() == "launch" {
            Ok(root)
        } else {
            Err(root.error(Problem::NotALaunchFile(root.tag().to_owned())))
        }
    }

    /// The element's name.
    pub(crate) fn tag(&self) -> &'a str {
        self.node.tag_name().name()
    }

    /// The file that the element stands in.
    pub(crate) fn file(&self) -> &'a Path {
        self.file
    }

    /// Where the element starts.
    pub(crate) fn location(&self) -> Location {
        self.location_of(self.node)
    }

    fn location_of(&self, node: Node<'a, 'a>) -> Location {
        let line = node.document().text_pos_at(node.range().start).row;
        Location {
            file: self.file.to_owned(),
            line,
        }
    }

    /// `problem` at this element.
    pub(crate) fn error(&self, problem: Problem) -> LaunchError {
        LaunchError::At {
            location: self.location(),
            problem,
        }
    }

    /// The attribute's text, if it is there.
    pub(crate) fn optional(&self, attribute: &str) -> Option<&'a str> {
        self.node.attribute(attribute)
    }

    /// The attribute's text.
    pub(crate) fn required(&self, attribute: &'static str) -> Result<&'a str, LaunchError> {
        self.optional(attribute)
            .ok_or_else(|| Problem::MissingAttribute {
                tag: self.tag().to_owned(),
                attribute,
            })
            .at(|| self.location())
    }

    /// Refuses attributes other than `allowed`.
    pub(crate) fn allow_attributes(&self, allowed: &[&str]) -> Result<(), LaunchError> {
        match self
            .node
            .attributes()
            .find(|attribute| !allowed.contains(&attribute.name()))
        {
            None => Ok(()),
            Some(attribute) => Err(LaunchError::At {
                location: self.attribute_location(attribute),
                problem: Problem::UnsupportedAttribute {
                    tag: self.tag().to_owned(),
                    attribute: attribute.name().to_owned(),
                    instead: supported::instead_of_attribute(self.tag(), attribute.name(), allowed),
                },
            }),
        }
    }

    fn attribute_location(&self, attribute: Attribute<'a, 'a>) -> Location {
        let line = self
            .node
            .document()
            .text_pos_at(attribute.range().start)
            .row;
        Location {
            file: self.file.to_owned(),
            line,
        }
    }

    /// The elements inside this one, of which only those in `allowed` may be there, and no text.
    pub(crate) fn children(
        &self,
        allowed: &'static [&'static str],
    ) -> Result<Vec<Self>, LaunchError> {
        let mut children = Vec::new();
        for node in self.node.children() {
            if node.is_element() {
                let child = Self {
                    node,
                    file: self.file,
                };
                if !allowed.contains(&child.tag()) {
                    return Err(child.error(supported::refuse_element(
                        child.tag(),
                        self.tag(),
                        allowed,
                    )));
                }
                children.push(child);
            } else if let Some(text) = node
                .text()
                .map(str::trim)
                .filter(|text| node.is_text() && !text.is_empty())
            {
                let problem = Problem::StrayText {
                    tag: self.tag().to_owned(),
                    text: text.chars().take(40).collect(),
                };
                return Err(LaunchError::At {
                    location: self.location_of(node),
                    problem,
                });
            }
        }
        Ok(children)
    }

    /// Every element inside this one, at any depth, in the order of the file, whether it is understood or not.
    pub(crate) fn descendants(&self) -> impl Iterator<Item = Self> + use<'a> {
        let file = self.file;
        self.node
            .descendants()
            .skip(1)
            .filter(Node::is_element)
            .map(move |node| Self { node, file })
    }

    /// The elements directly inside this one, whether they are understood or not.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Self> + use<'a> {
        let file = self.file;
        self.node
            .children()
            .filter(Node::is_element)
            .map(move |node| Self { node, file })
    }
}
