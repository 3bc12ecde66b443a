//! Expressions: from text to a tree.

use std::fmt;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// `True` or `False`.
    Truth(bool),
    /// A text in double quotes.
    Text(String),
    /// A list in square brackets.
    List(Vec<Expression>),
    /// A variable.
    Variable(String),
    /// `list[index]`
    Index(Box<Expression>, Box<Expression>),
    /// `not a` or `-a`
    Unary(Unary, Box<Expression>),
    /// `a operator b`
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// A call of one of the robot's functions.
    Call(Call),
}

/// A call of one of the robot's functions.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Name of the function.
    pub name: String,
    /// Arguments by position.
    pub arguments: Vec<Expression>,
    /// Arguments by name.
    pub named: Vec<(String, Expression)>,
}

/// An operator of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the operator it names")]
pub enum Unary {
    Not,
    Minus,
}

/// An operator of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the operator it names")]
pub enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Binary {
    /// How tightly the operator binds.
    fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual => 4,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
        }
    }
}

/// `not` binds tighter than `and` and looser than comparisons.
const NOT_PRECEDENCE: u8 = 3;
const MINUS_PRECEDENCE: u8 = 7;
/// Nesting deeper than this is no program of ours, and must not exhaust the stack.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Name(name) => f.write_str(name),
            Self::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

/// Longer symbols first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 16] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ",", "=",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length;
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').ok_or("a text without its closing quote")?;
            let (inside, _) = quoted.split_at(end);
            tokens.push(Token::Text(inside.to_owned()));
            length = end + 2;
        } else if first.is_ascii_digit() {
            length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
                .unwrap_or(rest.len());
            let (number, _) = rest.split_at(length);
            tokens.push(Token::Number(
                number
                    .parse()
                    .map_err(|_| format!("{number:?} is not a number"))?,
            ));
        } else if first.is_ascii_alphabetic() || first == '_' {
            length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let (name, _) = rest.split_at(length);
            tokens.push(Token::Name(name.to_owned()));
        } else {
            let symbol = SYMBOLS
                .into_iter()
                .find(|symbol| rest.starts_with(symbol))
                .ok_or_else(|| format!("unexpected character {first:?}"))?;
            length = symbol.len();
            tokens.push(Token::Symbol(symbol));
        }
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// Reads an expression that takes up the whole text.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        depth: 0,
    };
    let expression = parser.expression(0)?;
    match parser.tokens {
        [] => Ok(expression),
        [token, ..] => Err(format!("unexpected {token}")),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.first()
    }

    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(token) => format!("{symbol:?} expected before {token}"),
            None => format!("{symbol:?} expected at the end"),
        })
    }

    fn binary(&self) -> Option<Binary> {
        Some(match self.peek()? {
            Token::Name(name) if name == "or" => Binary::Or,
            Token::Name(name) if name == "and" => Binary::And,
            Token::Symbol("==") => Binary::Equal,
            Token::Symbol("!=") => Binary::NotEqual,
            Token::Symbol("<") => Binary::Less,
            Token::Symbol("<=") => Binary::LessEqual,
            Token::Symbol(">") => Binary::Greater,
            Token::Symbol(">=") => Binary::GreaterEqual,
            Token::Symbol("+") => Binary::Add,
            Token::Symbol("-") => Binary::Subtract,
            Token::Symbol("*") => Binary::Multiply,
            Token::Symbol("/") => Binary::Divide,
            _ => return None,
        })
    }

    fn expression(&mut self, weakest: u8) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the expression is nested too deeply".into());
        }
        let mut left = self.operand()?;
        while let Some(operator) = self
            .binary()
            .filter(|operator| operator.precedence() > weakest)
        {
            self.next();
            let right = self.expression(operator.precedence())?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, String> {
        let mut operand = match self.next() {
            Some(Token::Number(number)) => Expression::Number(number),
            Some(Token::Text(text)) => Expression::Text(text),
            Some(Token::Name(name)) if name == "not" => {
                return Ok(Expression::Unary(
                    Unary::Not,
                    Box::new(self.expression(NOT_PRECEDENCE)?),
                ));
            }
            Some(Token::Symbol("-")) => {
                return Ok(Expression::Unary(
                    Unary::Minus,
                    Box::new(self.expression(MINUS_PRECEDENCE)?),
                ));
            }
            Some(Token::Symbol("(")) => {
                let inside = self.expression(0)?;
                self.expect(")")?;
                inside
            }
            Some(Token::Symbol("[")) => {
                let mut elements = Vec::new();
                while !self.accept("]") {
                    if !elements.is_empty() {
                        self.expect(",")?;
                    }
                    elements.push(self.expression(0)?);
                }
                Expression::List(elements)
            }
            Some(Token::Name(name)) if name == "True" => Expression::Truth(true),
            Some(Token::Name(name)) if name == "False" => Expression::Truth(false),
            Some(Token::Name(name)) if self.accept("(") => Expression::Call(self.arguments(name)?),
            Some(Token::Name(name)) => Expression::Variable(name),
            Some(token) => return Err(format!("a value expected before {token}")),
            None => return Err("a value expected at the end".into()),
        };
        while self.accept("[") {
            let index = self.expression(0)?;
            self.expect("]")?;
            operand = Expression::Index(Box::new(operand), Box::new(index));
        }
        Ok(operand)
    }

    fn arguments(&mut self, name: String) -> Result<Call, String> {
        let mut call = Call {
            name,
            arguments: Vec::new(),
            named: Vec::new(),
        };
        while !self.accept(")") {
            if !(call.arguments.is_empty() && call.named.is_empty()) {
                self.expect(",")?;
            }
            if let [Token::Name(name), Token::Symbol("="), rest @ ..] = self.tokens {
                self.tokens = rest;
                let value = self.expression(0)?;
                call.named.push((name.clone(), value));
            } else {
                call.arguments.push(self.expression(0)?);
            }
        }
        Ok(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(value: f64) -> Box<Expression> {
        Box::new(Expression::Number(value))
    }

    #[test]
    fn operators_bind_as_they_should() {
        assert_eq!(
            parse("1 - 2 - 3 * 4").unwrap(),
            Expression::Binary(
                Binary::Subtract,
                Box::new(Expression::Binary(
                    Binary::Subtract,
                    number(1.0),
                    number(2.0)
                )),
                Box::new(Expression::Binary(
                    Binary::Multiply,
                    number(3.0),
                    number(4.0)
                )),
            )
        );
        assert_eq!(
            parse("not 1 < 2 and True").unwrap(),
            Expression::Binary(
                Binary::And,
                Box::new(Expression::Unary(
                    Unary::Not,
                    Box::new(Expression::Binary(Binary::Less, number(1.0), number(2.0)))
                )),
                Box::new(Expression::Truth(true)),
            )
        );
    }

    #[test]
    fn faults_are_told() {
        for text in [
            "", "1 +", "(1", "[1 2]", "f(1", "\"a", "1.2.3", "a = 1", "a $ b", "1 2",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(
            parse(&"(".repeat(100_000))
                .unwrap_err()
                .contains("too deeply")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_panic(text in "[a-c0-9 ()\\[\\]+*/<>=,\".é-]{0,40}") {
            parse(&text).ok();
        }
    }
}
