//! Text with substitutions, `$(name argument ...)`: its grammar, not its meaning.
//!
//! Outside of substitutions, quotes are part of the text. Inside, they hold an argument together. A backslash before
//! `$`, `(`, `)`, a quote or another backslash takes its special meaning away.

use std::{iter::Peekable, str::Chars};

use crate::error::Problem;

/// Substitutions nested deeper than this are refused rather than overflowing the stack.
const MAX_DEPTH: usize = 32;

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Plain text.
    Text(String),
    /// `$(name argument ...)`, each argument again text with substitutions.
    Substitution {
        name: String,
        arguments: Vec<Vec<Piece>>,
    },
}

/// Splits `text` into plain text and substitutions.
pub(crate) fn parse(text: &str) -> Result<Vec<Piece>, Problem> {
    let mut parser = Parser {
        text,
        chars: text.chars().peekable(),
    };
    parser.pieces(End::Text, 0)
}

/// Where a run of pieces ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At the end of the text.
    Text,
    /// Before a space or the closing parenthesis.
    Argument,
    /// At this quote.
    Quote(char),
}

struct Parser<'a> {
    text: &'a str,
    chars: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn malformed(&self, reason: impl Into<String>) -> Problem {
        Problem::MalformedSubstitution {
            text: self.text.to_owned(),
            reason: reason.into(),
        }
    }

    fn pieces(&mut self, end: End, depth: usize) -> Result<Vec<Piece>, Problem> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        loop {
            match (self.chars.peek().copied(), end) {
                (None, End::Text | End::Argument) => break,
                (None, End::Quote(quote)) => {
                    return Err(self.malformed(format!("the quote {quote} is not closed")));
                }
                (Some(' ' | '\t' | ')'), End::Argument) => break,
                (Some(next), End::Quote(quote)) if next == quote => {
                    self.chars.next();
                    break;
                }
                (Some('('), End::Argument) => {
                    return Err(
                        self.malformed("an opening parenthesis needs a $, a backslash or quotes")
                    );
                }
                (Some('\\'), _) => {
                    self.chars.next();
                    match self.chars.next_if(|next| "$()'\"\\".contains(*next)) {
                        Some(escaped) => text.push(escaped),
                        None => text.push('\\'),
                    }
                }
                (Some('$'), _) => {
                    self.chars.next();
                    if self.chars.next_if_eq(&'(').is_none() {
                        text.push('$');
                        continue;
                    }
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(self.substitution(depth + 1)?);
                }
                (Some(other), _) => {
                    self.chars.next();
                    text.push(other);
                }
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(pieces)
    }

    /// The rest of a substitution whose `$(` is read.
    fn substitution(&mut self, depth: usize) -> Result<Piece, Problem> {
        if depth > MAX_DEPTH {
            return Err(self.malformed(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.skip_spaces();
        let mut name = String::new();
        while let Some(next) = self
            .chars
            .next_if(|next| next.is_alphanumeric() || "_-".contains(*next))
        {
            name.push(next);
        }
        if name.is_empty() {
            return Err(self.malformed("a name must follow $("));
        }
        let mut arguments = Vec::new();
        loop {
            self.skip_spaces();
            match self.chars.peek().copied() {
                None => {
                    return Err(
                        self.malformed(format!("the parenthesis of $({name} is not closed"))
                    );
                }
                Some(')') => {
                    self.chars.next();
                    return Ok(Piece::Substitution { name, arguments });
                }
                Some(quote @ ('\'' | '"')) => {
                    self.chars.next();
                    arguments.push(self.pieces(End::Quote(quote), depth)?);
                }
                Some(_) => arguments.push(self.pieces(End::Argument, depth)?),
            }
        }
    }

    fn skip_spaces(&mut self) {
        while self.chars.next_if(|next| next.is_whitespace()).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn substitution(name: &str, arguments: &[&[Piece]]) -> Piece {
        let arguments = arguments.iter().map(|pieces| pieces.to_vec()).collect();
        Piece::Substitution {
            name: name.to_owned(),
            arguments,
        }
    }

    #[test]
    fn text_around_substitutions_is_kept() {
        assert_eq!(
            parse("a $(var b)/c").unwrap(),
            [text("a "), substitution("var", &[&[text("b")]]), text("/c")]
        );
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(parse("it's 5$ (five)").unwrap(), [text("it's 5$ (five)")]);
    }

    #[test]
    fn substitutions_nest() {
        assert_eq!(
            parse("$(env $(var name) x$(dirname))").unwrap(),
            [substitution(
                "env",
                &[
                    &[substitution("var", &[&[text("name")]])],
                    &[text("x"), substitution("dirname", &[])],
                ]
            )]
        );
    }

    #[test]
    fn quotes_hold_an_argument_together() {
        assert_eq!(
            parse("$(env NAME 'a (b) $(var c)')").unwrap(),
            [substitution(
                "env",
                &[
                    &[text("NAME")],
                    &[text("a (b) "), substitution("var", &[&[text("c")]])]
                ]
            )]
        );
        assert_eq!(
            parse("$(env NAME '')").unwrap(),
            [substitution("env", &[&[text("NAME")], &[]])]
        );
    }

    #[test]
    fn backslashes_take_the_meaning_away() {
        assert_eq!(parse(r"\$(var a)").unwrap(), [text("$(var a)")]);
        assert_eq!(
            parse(r"$(env A it\'s\))").unwrap(),
            [substitution("env", &[&[text("A")], &[text("it's)")]])]
        );
        assert_eq!(parse(r"C:\dir").unwrap(), [text(r"C:\dir")]);
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for bad in ["$(var a", "$(", "$()", "$( )", "$(env A 'b)", "$(env (a))"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "$(var ".repeat(100_000);
        assert!(parse(&deep).unwrap_err().to_string().contains("deep"));
    }

    proptest! {
        #[test]
        fn never_panics(text in r#"([$()'"\\ a-c]|\$\(){0,40}"#) {
            let _ = parse(&text);
        }

        #[test]
        fn plain_text_is_itself(plain in "[a-z'\" ()/]{1,20}") {
            prop_assert_eq!(parse(&plain).unwrap(), vec![Piece::Text(plain)]);
        }
    }
}
