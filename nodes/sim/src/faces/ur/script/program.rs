//! Programs: from lines to a flat list of steps with jumps, so that execution can stop anywhere.

use super::ScriptError;
use super::expression::{Call, Expression, parse};

/// One step of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Evaluate and remember.
    Assign { variable: String, value: Expression },
    /// Call for its effect.
    Call(Call),
    /// Go on elsewhere.
    Jump(usize),
    /// Go on elsewhere if this is false.
    JumpUnless(Expression, usize),
}

/// A parsed program.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    name: String,
    /// The steps with their lines.
    pub(super) steps: Vec<(usize, Step)>,
}

/// A block that waits for its `end`.
enum Block {
    Def,
    /// `while`: where its condition is, and the jump out that must be filled in.
    While {
        condition: usize,
        exit: usize,
    },
    /// `if`: the jump over the current branch (none after `else`), and the jumps to the end.
    If {
        skip: Option<usize>,
        exits: Vec<usize>,
    },
}

/// A place that is not known yet; filled in by [`Program::land`].
const UNKNOWN: usize = usize::MAX;

impl Program {
    /// Reads a program.
    pub fn parse(source: &str) -> Result<Self, ScriptError> {
        let mut program = Self {
            name: String::new(),
            steps: Vec::new(),
        };
        let mut blocks: Vec<Block> = Vec::new();
        let mut finished = false;
        let mut last_line = 1;
        for (index, line) in source.lines().enumerate() {
            let number = index + 1;
            let line = without_comment(line).trim();
            if line.is_empty() {
                continue;
            }
            last_line = number;
            if finished {
                return Err(ScriptError::new(
                    number,
                    "text after the end of the program",
                ));
            }
            finished = program
                .line(line, &mut blocks)
                .map_err(|message| ScriptError::new(number, message))?;
            let stop = program.steps.len();
            for (step_line, _) in program
                .steps
                .iter_mut()
                .take(stop)
                .rev()
                .take_while(|(line, _)| *line == 0)
            {
                *step_line = number;
            }
        }
        if finished {
            Ok(program)
        } else {
            Err(ScriptError::new(
                last_line,
                "the program ends before its last block does: an \"end\" is missing",
            ))
        }
    }

    /// The name after `def`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads one line; true when it closes the program.
    fn line(&mut self, line: &str, blocks: &mut Vec<Block>) -> Result<bool, String> {
        if let Some(name) = line
            .strip_prefix("def ")
            .and_then(|rest| rest.strip_suffix("():"))
        {
            if !blocks.is_empty() {
                return Err("a def inside a def".into());
            }
            name.trim().clone_into(&mut self.name);
            blocks.push(Block::Def);
            return Ok(false);
        }
        if blocks.is_empty() {
            return Err("\"def name():\" expected".into());
        }
        if line == "end" {
            return self.end(blocks);
        }
        if let Some(condition) = header(line, "while ") {
            let condition = parse(condition)?;
            let start = self.steps.len();
            let exit = self.push(Step::JumpUnless(condition, UNKNOWN));
            blocks.push(Block::While {
                condition: start,
                exit,
            });
        } else if let Some(condition) = header(line, "if ") {
            let condition = parse(condition)?;
            let skip = self.push(Step::JumpUnless(condition, UNKNOWN));
            blocks.push(Block::If {
                skip: Some(skip),
                exits: Vec::new(),
            });
        } else if let Some(condition) = header(line, "elif ") {
            let condition = parse(condition)?;
            self.branch(blocks)?;
            let new_skip = self.push(Step::JumpUnless(condition, UNKNOWN));
            if let Some(Block::If { skip, .. }) = blocks.last_mut() {
                *skip = Some(new_skip);
            }
        } else if line == "else:" {
            self.branch(blocks)?;
        } else if let Some((variable, value)) = assignment(line) {
            let value = parse(value)?;
            self.push(Step::Assign {
                variable: variable.to_owned(),
                value,
            });
        } else {
            match parse(line)? {
                Expression::Call(call) => self.push(Step::Call(call)),
                _ => return Err("a statement expected".into()),
            };
        }
        Ok(false)
    }

    fn end(&mut self, blocks: &mut Vec<Block>) -> Result<bool, String> {
        match blocks.pop() {
            Some(Block::While { condition, exit }) => {
                self.push(Step::Jump(condition));
                self.land(exit);
            }
            Some(Block::If { skip, exits }) => {
                skip.into_iter()
                    .chain(exits)
                    .for_each(|jump| self.land(jump));
            }
            Some(Block::Def) => return Ok(true),
            None => return Err("\"end\" without a beginning".into()),
        }
        Ok(false)
    }

    /// Ends a branch of an `if` and begins the next.
    fn branch(&mut self, blocks: &mut [Block]) -> Result<(), String> {
        let Some(Block::If { skip, exits }) = blocks.last_mut() else {
            return Err("elif or else without an if".into());
        };
        let jump = skip.take().ok_or("elif or else after else")?;
        exits.push(self.push(Step::Jump(UNKNOWN)));
        self.land(jump);
        Ok(())
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push((0, step));
        self.steps.len() - 1
    }

    /// Lets a jump go to the next step.
    fn land(&mut self, jump: usize) {
        let here = self.steps.len();
        if let Some((_, Step::Jump(target) | Step::JumpUnless(_, target))) =
            self.steps.get_mut(jump)
        {
            *target = here;
        }
    }
}

fn header<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    line.strip_prefix(keyword)?.strip_suffix(':')
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let (variable, value) = line.split_once('=')?;
    let variable = variable.trim();
    let is_name = variable
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !variable.is_empty() && !value.starts_with('=')).then_some((variable, value))
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.find(|c| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    comment.and_then(|start| line.get(..start)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_drivers_program_is_understood() {
        let program = Program::parse(ur_driver::control_program::SOURCE).unwrap();
        assert_eq!(program.name(), ur_driver::control_program::NAME);
        assert!(program.steps.iter().all(|(line, _)| *line > 0));
        for (_, step) in &program.steps {
            if let Step::Jump(target) | Step::JumpUnless(_, target) = step {
                assert!(*target <= program.steps.len());
            }
        }
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (source, line, part) in [
            ("x = 1", 1, "def"),
            ("def f():\n  x = \nend", 2, "value expected"),
            ("def f():\n  if True:\n  x = 1\nend", 4, "missing"),
            ("def f():\n  else:\nend", 2, "without an if"),
            (
                "def f():\n  if True:\n  else:\n  else:\n  end\nend",
                4,
                "after else",
            ),
            ("def f():\nend\nx = 1", 3, "after the end"),
            ("def f():\n  1 + 1\nend", 2, "statement"),
            ("", 1, "missing"),
        ] {
            let error = Program::parse(source).unwrap_err();
            assert_eq!(error.line, line, "{source:?}: {error}");
            assert!(error.message.contains(part), "{source:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_are_parsed_or_refused_without_panic(
            lines in proptest::collection::vec(proptest::sample::select(vec![
                "def f():", "while x:", "if x:", "elif y:", "else:", "end", "x = 1", "f(x)", "# x", "\"",
            ]), 0..20),
        ) {
            Program::parse(&lines.join("\n")).ok();
        }
    }
}
