//! The face of the hand: five servos on a Dynamixel protocol 2.0 bus.
//!
//! [`Servos`] is the bus without its line: a register file for each servo, and what each answers to
//! an instruction. [`SihFace`] shares it between the sessions on the line and the loop that steps
//! the world.

use super::{listen, serve_all};
use bus::{Network, NetworkError};
use sih_driver::dynamixel::packet::StatusError;
use sih_driver::dynamixel::{BROADCAST_ID, Decoder, Instruction, Status};
use sih_driver::register_map::{Register, RegisterMap};
use std::cell::RefCell;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

/// Registers of a servo, in bytes.
const REGISTER_BYTES: usize = 256;
/// Load above which a servo switches itself off, as a fraction of full load, and how long it bears it.
const OVERLOAD: f64 = 0.98;
const OVERLOAD_TIME_S: f64 = 2.0;
/// What the servos say their temperature is, degrees Celsius.
const TEMPERATURE: i32 = 35;

/// What the servos measure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// Positions, ticks.
    pub ticks: [f64; 5],
    /// Loads as a fraction of full load, positive towards larger ticks.
    pub load: [f64; 5],
}

#[derive(Debug, Clone)]
struct Servo {
    id: u8,
    registers: [u8; REGISTER_BYTES],
    overloaded_s: f64,
}

/// The servos without their line.
#[derive(Debug)]
pub struct Servos {
    map: RegisterMap,
    servos: [Servo; 5],
}

impl Servos {
    /// Servos that stand where `reading` says, with their torque off.
    #[must_use]
    pub fn new(map: RegisterMap, reading: Reading) -> Self {
        let servos = map.ids().map(|id| Servo {
            id,
            registers: [0; REGISTER_BYTES],
            overloaded_s: 0.0,
        });
        let mut servos = Self { map, servos };
        servos.cycle(reading, 0.0);
        let goal = servos.map.registers.goal_position;
        for (servo, ticks) in servos.servos.iter_mut().zip(reading.ticks) {
            servo.set(goal, ticks.round() as i32);
            servo.set(servos.map.registers.temperature, TEMPERATURE);
        }
        servos
    }

    /// Takes what was measured over `dt_s` and says where each servo is to go, in ticks. A servo
    /// without torque is to stay where it is.
    pub fn cycle(&mut self, reading: Reading, dt_s: f64) -> [f64; 5] {
        let registers = self.map.registers;
        let mut targets = reading.ticks;
        for (servo, ((target, ticks), load)) in self
            .servos
            .iter_mut()
            .zip(targets.iter_mut().zip(reading.ticks).zip(reading.load))
        {
            servo.set(registers.present_position, ticks.round() as i32);
            servo.set(
                registers.present_load,
                (load * f64::from(self.map.full_load)).round() as i32,
            );
            servo.overloaded_s = if load.abs() >= OVERLOAD {
                servo.overloaded_s + dt_s
            } else {
                0.0
            };
            if servo.overloaded_s > OVERLOAD_TIME_S {
                servo.fail(&self.map, self.map.overload_bit);
            }
            if servo.get(registers.torque_enable) != 0 {
                *target = f64::from(servo.get(registers.goal_position));
            }
        }
        targets
    }

    /// Lets a servo overheat: it reports a hardware error and loses its torque until it is rebooted.
    pub fn overheat(&mut self, index: usize) {
        if let Some(servo) = self.servos.get_mut(index) {
            servo.fail(&self.map, self.map.overheating_bit);
        }
    }

    /// Does what an instruction asks for; returns what the servos answer, as bytes.
    fn answer(&mut self, id: u8, instruction: &Instruction) -> Vec<u8> {
        let mut reply = Vec::new();
        match instruction {
            Instruction::SyncRead {
                address,
                length,
                ids,
            } => {
                for id in ids {
                    if let Some(servo) = self.servos.iter().find(|servo| servo.id == *id) {
                        reply.extend(servo.read(*address, *length, &self.map).to_bytes());
                    }
                }
            }
            Instruction::SyncWrite { address, data, .. } => {
                for (id, bytes) in data {
                    if let Some(servo) = self.servos.iter_mut().find(|servo| servo.id == *id) {
                        servo.write(*address, bytes, &self.map);
                    }
                }
            }
            _ => {
                let asked = self
                    .servos
                    .iter_mut()
                    .filter(|servo| id == BROADCAST_ID || servo.id == id);
                for servo in asked {
                    let status = match instruction {
                        Instruction::Read { address, length } => {
                            servo.read(*address, *length, &self.map)
                        }
                        Instruction::Write { address, data } => {
                            servo.write(*address, data, &self.map)
                        }
                        Instruction::Reboot => servo.reboot(&self.map),
                        // Model 1020 (an XM430), firmware 45.
                        _ => servo.status(&self.map, None, vec![0xfc, 0x03, 45]),
                    };
                    reply.extend(status.to_bytes());
                }
            }
        }
        reply
    }
}

impl Servo {
    fn get(&self, register: Register) -> i32 {
        register.read_from(&self.registers, 0).unwrap_or_default()
    }

    fn set(&mut self, register: Register, value: i32) {
        self.store(register.address, &register.bytes_of(value));
    }

    fn store(&mut self, address: u16, bytes: &[u8]) -> bool {
        let start = usize::from(address);
        let room = self.registers.get_mut(start..start + bytes.len());
        let fits = room.is_some();
        if let Some(room) = room {
            room.copy_from_slice(bytes);
        }
        fits
    }

    fn status(&self, map: &RegisterMap, error: Option<StatusError>, data: Vec<u8>) -> Status {
        Status {
            id: self.id,
            alert: self.get(map.registers.hardware_error) != 0,
            error,
            data,
        }
    }

    fn read(&self, address: u16, length: u16, map: &RegisterMap) -> Status {
        let start = usize::from(address);
        match self.registers.get(start..start + usize::from(length)) {
            Some(bytes) => self.status(map, None, bytes.to_vec()),
            None => self.status(map, Some(StatusError::Access), Vec::new()),
        }
    }

    /// Only the two registers that a driver sets can be written.
    fn write(&mut self, address: u16, bytes: &[u8], map: &RegisterMap) -> Status {
        let registers = map.registers;
        let failed = self.get(registers.hardware_error) != 0;
        let known = [registers.torque_enable, registers.goal_position]
            .into_iter()
            .find(|register| register.address == address);
        let error = match known {
            None => Some(StatusError::Access),
            Some(register) if usize::from(register.length()) != bytes.len() => {
                Some(StatusError::DataLength)
            }
            Some(register) if register == registers.torque_enable && failed => {
                Some(StatusError::Access)
            }
            Some(register) => {
                if register == registers.torque_enable && self.get(register) == 0 {
                    // Switched on, a servo stays where it is until it is told to go elsewhere.
                    let present = self.get(registers.present_position);
                    self.set(registers.goal_position, present);
                }
                (!self.store(address, bytes)).then_some(StatusError::Access)
            }
        };
        self.status(map, error, Vec::new())
    }

    fn reboot(&mut self, map: &RegisterMap) -> Status {
        self.overloaded_s = 0.0;
        self.set(map.registers.hardware_error, 0);
        self.set(map.registers.torque_enable, 0);
        self.status(map, None, Vec::new())
    }

    fn fail(&mut self, map: &RegisterMap, bit: u8) {
        let error = self.get(map.registers.hardware_error) | 1 << bit;
        self.set(map.registers.hardware_error, error);
        self.set(map.registers.torque_enable, 0);
    }
}

/// Servos shared by their line and the loop that steps the world.
///
/// It belongs to one thread: sessions and loop are futures that take turns.
#[derive(Debug)]
pub struct SihFace {
    servos: RefCell<Servos>,
    cut: watch::Sender<u64>,
}

impl SihFace {
    /// A face of servos that stand where `reading` says.
    #[must_use]
    pub fn new(map: RegisterMap, reading: Reading) -> Self {
        Self {
            servos: RefCell::new(Servos::new(map, reading)),
            cut: watch::Sender::new(0),
        }
    }

    /// Takes what was measured over `dt_s` and says where each servo is to go, in ticks.
    pub fn cycle(&self, reading: Reading, dt_s: f64) -> [f64; 5] {
        self.servos.borrow_mut().cycle(reading, dt_s)
    }

    /// Does something to the servos, such as letting one overheat.
    pub fn with_servos<R>(&self, action: impl FnOnce(&mut Servos) -> R) -> R {
        action(&mut self.servos.borrow_mut())
    }

    /// Cuts the line, as when somebody pulls the adapter for a moment.
    pub fn drop_connections(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    /// Switches the servos off and on: the line drops, torque is off, and they stand where `reading` says.
    pub fn restart(&self, map: RegisterMap, reading: Reading) {
        *self.servos.borrow_mut() = Servos::new(map, reading);
        self.drop_connections();
    }

    /// Listens on the line and serves whoever opens it. Returns only with an error.
    pub async fn serve(&self, network: &Network, endpoint: &str) -> Result<(), NetworkError> {
        let listener = listen(network, endpoint).await?;
        serve_all(listener, &self.cut, |stream| self.serve_line(stream)).await
    }

    /// Serves one master until it goes.
    pub async fn serve_line<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) {
        let mut decoder = Decoder::default();
        let mut chunk = [0; 512];
        loop {
            let count = match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            decoder.push(chunk.get(..count).unwrap_or_default());
            while let Some(result) = decoder.next_packet() {
                // Servos do not answer to what they cannot read; the master's timer tells it.
                let Ok(packet) = result else { continue };
                let Ok(instruction) = Instruction::from_packet(&packet) else {
                    continue;
                };
                let reply = self.servos.borrow_mut().answer(packet.id, &instruction);
                if stream.write_all(&reply).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use sih_driver::dynamixel::{BusError, Master};

    const READING: Reading = Reading {
        ticks: [2650.0, 250.0, 1450.0, 2300.0, -1000.0],
        load: [0.0, 0.0, 0.5, 0.0, -0.25],
    };

    /// Runs a master against the face until the master is done.
    fn with_master<F: Future<Output = ()>>(
        face: &SihFace,
        action: impl FnOnce(Master<tokio::io::DuplexStream>) -> F,
    ) {
        let (near, far) = tokio::io::duplex(4096);
        block_on(async { futures::join!(action(Master::new(near)), face.serve_line(far)) });
    }

    #[test]
    fn positions_and_loads_are_read_and_goals_are_written_in_one_packet_each() {
        let map = RegisterMap::example().unwrap();
        let face = SihFace::new(map.clone(), READING);
        with_master(&face, async |mut master| {
            let (address, length) = map.feedback_block();
            let statuses = master.sync_read(&map.ids(), address, length).await.unwrap();
            let load = |index: usize| {
                map.registers
                    .present_load
                    .read_from(&statuses[index].data, address)
                    .unwrap()
            };
            let position = |index: usize| {
                map.registers
                    .present_position
                    .read_from(&statuses[index].data, address)
                    .unwrap()
            };
            assert_eq!([load(2), load(4)], [500, -250]);
            assert_eq!([position(0), position(4)], [2650, -1000]);
            let goal = map.registers.goal_position;
            let data = map.ids().map(|id| (id, goal.bytes_of(-7))).to_vec();
            master
                .sync_write(goal.address, goal.length(), data)
                .await
                .unwrap();
            // A bus is read in order, so this answer comes after the goals have been taken.
            assert_eq!(master.ping(3).await.unwrap().data.len(), 3);
        });
        assert_eq!(
            face.cycle(READING, 0.008),
            READING.ticks,
            "no torque, no motion"
        );
        with_master(&face, async |mut master| {
            for id in map.ids() {
                master
                    .write(id, map.registers.torque_enable.address, &[1])
                    .await
                    .unwrap();
            }
        });
        assert_eq!(
            face.cycle(READING, 0.008),
            READING.ticks,
            "torque on does not jump to an old goal"
        );
    }

    #[test]
    fn a_failed_servo_says_so_and_needs_a_reboot() {
        let map = RegisterMap::example().unwrap();
        let face = SihFace::new(map.clone(), READING);
        face.with_servos(|servos| servos.overheat(1));
        with_master(&face, async |mut master| {
            let torque = map.registers.torque_enable.address;
            assert!(master.ping(2).await.unwrap().alert);
            assert!(!master.ping(1).await.unwrap().alert);
            assert!(matches!(
                master.write(2, torque, &[1]).await,
                Err(BusError::Servo { id: 2, .. })
            ));
            assert!(!master.reboot(2).await.unwrap().alert);
            master.write(2, torque, &[1]).await.unwrap();
        });
    }

    #[test]
    fn two_seconds_of_full_load_are_an_overload() {
        let map = RegisterMap::example().unwrap();
        let mut servos = Servos::new(map, READING);
        let pressing = Reading {
            load: [0.0, -1.0, 0.0, 0.0, 0.0],
            ..READING
        };
        for _ in 0..249 {
            servos.cycle(pressing, 0.008);
        }
        let errors = |servos: &Servos| {
            servos
                .servos
                .clone()
                .map(|servo| servo.get(servos.map.registers.hardware_error))
        };
        assert_eq!(errors(&servos), [0; 5]);
        servos.cycle(pressing, 0.008);
        servos.cycle(pressing, 0.008);
        assert_eq!(errors(&servos), [0, 1 << 5, 0, 0, 0]);
    }
}
