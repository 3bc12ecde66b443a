//! Executes a program, one controller cycle at a time.

use super::ScriptError;
use super::expression::{Binary, Call, Expression, Unary};
use super::program::{Program, Step};
use std::collections::BTreeMap;

/// Steps after which a program that never moves or waits is stopped, as the controller would.
const MOST_STEPS_PER_CYCLE: usize = 10_000;
/// Registers of each kind.
pub const REGISTERS: usize = 48;

/// What a program can see and set.
#[derive(Debug, Clone)]
pub struct Registers {
    /// Integers written by RTDE clients.
    pub input_int: [i32; REGISTERS],
    /// Numbers written by RTDE clients.
    pub input_double: [f64; REGISTERS],
    /// Integers that RTDE clients can read.
    pub output_int: [i32; REGISTERS],
    /// Numbers that RTDE clients can read.
    pub output_double: [f64; REGISTERS],
    /// Measured joint angles, rad.
    pub actual_q: [f64; 6],
    /// Lines that the program wrote to the log.
    pub log: Vec<String>,
}

impl Default for Registers {
    fn default() -> Self {
        Self {
            input_int: [0; REGISTERS],
            input_double: [0.0; REGISTERS],
            output_int: [0; REGISTERS],
            output_double: [0.0; REGISTERS],
            actual_q: [0.0; 6],
            log: Vec::new(),
        }
    }
}

/// What a program wants to happen before it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Motion {
    /// Move towards these joint angles (rad) for one cycle.
    Servo([f64; 6]),
    /// Stop the joints with this deceleration in rad/s^2; the program goes on when they stand.
    Stop(f64),
    /// Hold still for one cycle.
    Wait,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(f64),
    Truth(bool),
    Text(String),
    List(Vec<f64>),
    Nothing,
}

/// A program in execution.
#[derive(Debug, Clone)]
pub struct Machine {
    program: Program,
    next: usize,
    variables: BTreeMap<String, Value>,
}

impl Machine {
    /// A program before its first step.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self {
            program,
            next: 0,
            variables: BTreeMap::new(),
        }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Runs on to the next motion or wait. `None` when the program has ended.
    pub fn run(&mut self, registers: &mut Registers) -> Result<Option<Motion>, ScriptError> {
        for _ in 0..MOST_STEPS_PER_CYCLE {
            let Some((line, step)) = self.program.steps.get(self.next) else {
                return Ok(None);
            };
            let fail = |message: String| ScriptError::new(*line, message);
            self.next += 1;
            match step {
                Step::Jump(target) => self.next = *target,
                Step::JumpUnless(condition, target) => {
                    if !self.truth(condition, registers).map_err(fail)? {
                        self.next = *target;
                    }
                }
                Step::Assign { variable, value } => {
                    let value = self.value(value, registers).map_err(fail)?;
                    self.variables.insert(variable.clone(), value);
                }
                Step::Call(call) => {
                    if let Some(motion) = self.motion(call, registers).map_err(fail)? {
                        return Ok(Some(motion));
                    }
                }
            }
        }
        let line = self
            .program
            .steps
            .get(self.next)
            .map_or(0, |(line, _)| *line);
        Err(ScriptError::new(
            line,
            "the program runs in a circle without moving or waiting",
        ))
    }

    /// Calls that end the cycle.
    fn motion(&self, call: &Call, registers: &mut Registers) -> Result<Option<Motion>, String> {
        match (call.name.as_str(), call.arguments.as_slice()) {
            ("sync", []) => Ok(Some(Motion::Wait)),
            ("stopj", [deceleration]) => {
                let deceleration = self.number(deceleration, registers)?;
                if deceleration > 0.0 {
                    Ok(Some(Motion::Stop(deceleration)))
                } else {
                    Err(format!("stopj with deceleration {deceleration}"))
                }
            }
            ("servoj", [q]) => {
                for (name, value) in &call.named {
                    let value = self.number(value, registers)?;
                    let range = match name.as_str() {
                        "t" => {
                            ur_driver::control_program::CYCLE_S
                                ..=ur_driver::control_program::CYCLE_S
                        }
                        "lookahead_time" => 0.03..=0.2,
                        "gain" => 100.0..=2000.0,
                        other => return Err(format!("servoj has no argument {other:?}")),
                    };
                    if !range.contains(&value) {
                        return Err(format!("servoj with {name} = {value}, outside {range:?}"));
                    }
                }
                let q = self.list(q, registers)?;
                let q = q
                    .try_into()
                    .map_err(|_| "servoj wants six joint angles".to_owned())?;
                Ok(Some(Motion::Servo(q)))
            }
            _ => self.call(call, registers).map(|_| None),
        }
    }

    /// Calls that end within the cycle.
    fn call(&self, call: &Call, registers: &mut Registers) -> Result<Value, String> {
        if let Some((name, _)) = call.named.first() {
            return Err(format!("{} has no argument {name:?}", call.name));
        }
        match (call.name.as_str(), call.arguments.as_slice()) {
            ("get_actual_joint_positions", []) => Ok(Value::List(registers.actual_q.to_vec())),
            ("read_input_integer_register", [index]) => {
                let index = self.register(index, registers)?;
                Ok(Value::Number(
                    registers
                        .input_int
                        .get(index)
                        .copied()
                        .map_or(0.0, f64::from),
                ))
            }
            ("read_input_float_register", [index]) => {
                let index = self.register(index, registers)?;
                Ok(Value::Number(
                    registers
                        .input_double
                        .get(index)
                        .copied()
                        .unwrap_or_default(),
                ))
            }
            ("write_output_integer_register", [index, value]) => {
                let index = self.register(index, registers)?;
                let value = self.number(value, registers)?;
                if let Some(register) = registers.output_int.get_mut(index) {
                    *register = value as i32;
                }
                Ok(Value::Nothing)
            }
            ("norm", [value]) => match self.value(value, registers)? {
                Value::Number(number) => Ok(Value::Number(number.abs())),
                Value::List(list) => Ok(Value::Number(
                    list.iter().map(|x| x * x).sum::<f64>().sqrt(),
                )),
                _ => Err("norm wants a number or a list".into()),
            },
            ("textmsg", [text]) => {
                let Value::Text(text) = self.value(text, registers)? else {
                    return Err("textmsg wants a text".into());
                };
                registers.log.push(text);
                Ok(Value::Nothing)
            }
            (name, arguments) => Err(format!(
                "the simulated controller has no function {name} of {} arguments",
                arguments.len()
            )),
        }
    }

    fn value(&self, expression: &Expression, registers: &mut Registers) -> Result<Value, String> {
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Truth(truth) => Value::Truth(*truth),
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::List(elements) => {
                let numbers: Result<_, _> = elements
                    .iter()
                    .map(|element| self.number(element, registers))
                    .collect();
                Value::List(numbers?)
            }
            Expression::Variable(name) => self
                .variables
                .get(name)
                .cloned()
                .ok_or_else(|| format!("{name} has no value yet"))?,
            Expression::Index(list, index) => {
                let list = self.list(list, registers)?;
                let index = self.number(index, registers)?;
                let element = list.get(index as usize).filter(|_| index >= 0.0);
                Value::Number(
                    *element.ok_or_else(|| {
                        format!("a list of {} has no element {index}", list.len())
                    })?,
                )
            }
            Expression::Unary(Unary::Not, operand) => {
                Value::Truth(!self.truth(operand, registers)?)
            }
            Expression::Unary(Unary::Minus, operand) => {
                Value::Number(-self.number(operand, registers)?)
            }
            Expression::Binary(operator, left, right) => {
                self.binary(*operator, left, right, registers)?
            }
            Expression::Call(call) => self.call(call, registers)?,
        })
    }

    fn binary(
        &self,
        operator: Binary,
        left: &Expression,
        right: &Expression,
        registers: &mut Registers,
    ) -> Result<Value, String> {
        if let Binary::And | Binary::Or = operator {
            let left = self.truth(left, registers)?;
            let decided = left == (operator == Binary::Or);
            return Ok(Value::Truth(if decided {
                left
            } else {
                self.truth(right, registers)?
            }));
        }
        let left = self.number(left, registers)?;
        let right = self.number(right, registers)?;
        Ok(match operator {
            Binary::Equal => Value::Truth(left == right),
            Binary::NotEqual => Value::Truth(left != right),
            Binary::Less => Value::Truth(left < right),
            Binary::LessEqual => Value::Truth(left <= right),
            Binary::Greater => Value::Truth(left > right),
            Binary::GreaterEqual => Value::Truth(left >= right),
            Binary::Add => Value::Number(left + right),
            Binary::Subtract => Value::Number(left - right),
            Binary::Multiply => Value::Number(left * right),
            Binary::Divide => Value::Number(left / right),
            Binary::And | Binary::Or => return Err("and, or: unreachable for numbers".into()),
        })
    }

    fn number(&self, expression: &Expression, registers: &mut Registers) -> Result<f64, String> {
        match self.value(expression, registers)? {
            Value::Number(number) => Ok(number),
            other => Err(format!("a number expected, found {other:?}")),
        }
    }

    fn truth(&self, expression: &Expression, registers: &mut Registers) -> Result<bool, String> {
        match self.value(expression, registers)? {
            Value::Truth(truth) => Ok(truth),
            other => Err(format!("True or False expected, found {other:?}")),
        }
    }

    fn list(&self, expression: &Expression, registers: &mut Registers) -> Result<Vec<f64>, String> {
        match self.value(expression, registers)? {
            Value::List(list) => Ok(list),
            other => Err(format!("a list expected, found {other:?}")),
        }
    }

    fn register(
        &self,
        expression: &Expression,
        registers: &mut Registers,
    ) -> Result<usize, String> {
        let index = self.number(expression, registers)?;
        if index >= 0.0 && index < REGISTERS as f64 {
            Ok(index as usize)
        } else {
            Err(format!("there is no register {index}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ur_driver::control_program::{
        self, LARGEST_SILENCE, LARGEST_STEP_RAD, Mode, STOP_DECELERATION, State,
    };

    /// The driver's program with its registers.
    struct Bench {
        machine: Machine,
        registers: Registers,
    }

    impl Bench {
        fn new() -> Self {
            let program = Program::parse(control_program::SOURCE).unwrap();
            let mut bench = Self {
                machine: Machine::new(program),
                registers: Registers::default(),
            };
            assert_eq!(bench.silent_cycle(), Motion::Wait);
            bench
        }

        fn silent_cycle(&mut self) -> Motion {
            let motion = self.machine.run(&mut self.registers).unwrap().unwrap();
            if let Motion::Servo(q) = motion {
                self.registers.actual_q = q;
            }
            motion
        }

        fn cycle(&mut self, mode: Mode, q: f64) -> Motion {
            self.registers.input_int[24] += 1;
            self.registers.input_int[25] = mode as i32;
            self.registers.input_double[24..30].fill(q);
            self.silent_cycle()
        }

        /// The state that the program reports; it does so when it goes on after a motion.
        fn state(&mut self) -> State {
            self.silent_cycle();
            State::from_number(self.registers.output_int[25]).unwrap()
        }
    }

    #[test]
    fn it_reports_its_version_and_follows_set_points() {
        let mut bench = Bench::new();
        assert_eq!(bench.registers.output_int[24], control_program::VERSION);
        assert_eq!(bench.cycle(Mode::Idle, 0.0), Motion::Wait);
        assert_eq!(bench.cycle(Mode::Servo, 0.01), Motion::Servo([0.01; 6]));
        assert_eq!(bench.cycle(Mode::Servo, 0.02), Motion::Servo([0.02; 6]));
        assert_eq!(bench.state(), State::Servo);
        assert_eq!(
            bench.cycle(Mode::Stop, 0.03),
            Motion::Stop(STOP_DECELERATION)
        );
        assert_eq!(bench.state(), State::Idle);
    }

    #[test]
    fn silence_stops_it_and_only_idle_frees_it() {
        let mut bench = Bench::new();
        bench.cycle(Mode::Servo, 0.0);
        for _ in 0..LARGEST_SILENCE {
            assert_eq!(bench.silent_cycle(), Motion::Servo([0.0; 6]));
        }
        assert_eq!(bench.silent_cycle(), Motion::Stop(STOP_DECELERATION));
        assert_eq!(bench.registers.log.len(), 1);
        assert_eq!(bench.cycle(Mode::Servo, 0.0), Motion::Wait);
        assert_eq!(bench.state(), State::Halted);
        assert_eq!(bench.cycle(Mode::Idle, 0.0), Motion::Wait);
        assert_eq!(bench.cycle(Mode::Servo, 0.0), Motion::Servo([0.0; 6]));
    }

    #[test]
    fn a_set_point_too_far_away_or_not_a_number_is_not_followed() {
        for q in [LARGEST_STEP_RAD * 1.01, -1.0, f64::NAN, f64::INFINITY] {
            let mut bench = Bench::new();
            assert_eq!(
                bench.cycle(Mode::Servo, q),
                Motion::Wait,
                "first set point {q}"
            );
            assert_eq!(bench.state(), State::Halted);
            let mut bench = Bench::new();
            bench.cycle(Mode::Servo, 0.0);
            assert_eq!(
                bench.cycle(Mode::Servo, q),
                Motion::Stop(STOP_DECELERATION),
                "later set point {q}"
            );
            assert_eq!(bench.state(), State::Halted);
        }
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (source, part) in [
            ("def f():\n  x = y\nend", "y has no value"),
            ("def f():\n  while True:\n  end\nend", "circle"),
            ("def f():\n  movej(1)\nend", "no function movej"),
            ("def f():\n  servoj([1, 2], t=0.008)\nend", "six"),
            ("def f():\n  servoj([1,2,3,4,5,6], gain=9)\nend", "gain"),
            ("def f():\n  x = [1][1]\nend", "no element"),
            (
                "def f():\n  x = read_input_integer_register(48)\nend",
                "no register",
            ),
            ("def f():\n  if 1:\n  end\nend", "True or False"),
        ] {
            let error = Machine::new(Program::parse(source).unwrap())
                .run(&mut Registers::default())
                .unwrap_err();
            assert!(error.message.contains(part), "{source:?}: {error}");
            assert_eq!(error.line, 2, "{source:?}: {error}");
        }
    }
}
