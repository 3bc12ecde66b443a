//! How one joint may move in discrete cycles.
//!
//! A joint carries out each velocity for one whole cycle, so that stopping from `v` with deceleration `a` travels
//! `dt * (v + (v - a dt) + (v - 2 a dt) + ...)`, which is more than the `v^2 / 2a` of continuous time. The two
//! functions below are exact, so that a joint that may stop just at its limit does.

/// State of a joint at a cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Motion {
    pub(super) position: f64,
    /// Carried out in the cycle that ends at `position`.
    pub(super) velocity: f64,
}

/// What a joint may do, for a fixed cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) top_speed: f64,
    pub(super) acceleration: f64,
    pub(super) cycle_s: f64,
}

impl Bounds {
    fn velocity_change(&self) -> f64 {
        self.acceleration * self.cycle_s
    }

    /// Distance travelled from a cycle with `speed` on until at rest.
    fn stopping_distance(&self, speed: f64) -> f64 {
        let cycles = speed / self.velocity_change();
        let whole = cycles.floor();
        let rest = cycles - whole;
        self.velocity_change() * self.cycle_s * (whole + 1.0) * (whole + 2.0 * rest) / 2.0
    }

    /// The greatest speed from which the joint stops within a distance; the inverse of the above.
    fn stoppable_speed(&self, distance: f64) -> f64 {
        // Far beyond any joint's travel, and well within what is exact in f64.
        const MANY_CYCLES: f64 = 1e12;
        let cycles = (distance.max(0.0) / (self.velocity_change() * self.cycle_s)).min(MANY_CYCLES);
        let whole = (((1.0 + 8.0 * cycles).sqrt() - 1.0) / 2.0).floor();
        let rest = (cycles / (whole + 1.0) - whole / 2.0).clamp(0.0, 1.0);
        self.velocity_change() * (whole + rest)
    }

    /// The velocity for the next cycle that leads soonest to rest at `target`, within all bounds.
    pub(super) fn velocity_towards(&self, now: Motion, target: f64) -> f64 {
        // A cubic may overshoot the limits that its points keep to.
        let reachable = target.clamp(self.lower.min(now.position), self.upper.max(now.position));
        let error = reachable - now.position;
        self.admissible(now, self.stoppable_speed(error.abs()).copysign(error))
    }

    /// The velocity for the next cycle that leads soonest to rest.
    pub(super) fn braking_velocity(&self, now: Motion) -> f64 {
        let slower = (now.velocity.abs() - self.velocity_change()).max(0.0);
        self.admissible(now, slower.copysign(now.velocity))
    }

    fn admissible(&self, now: Motion, wanted: f64) -> f64 {
        let change = self.velocity_change();
        // Position limits come last, and win should rounding leave nothing between the bounds. A joint that was
        // measured beyond a limit may move back, but no further out.
        wanted
            .clamp(now.velocity - change, now.velocity + change)
            .clamp(-self.top_speed, self.top_speed)
            .max(-self.stoppable_speed(now.position - self.lower))
            .min(self.stoppable_speed(self.upper - now.position))
    }

    /// The state after a cycle with a velocity.
    pub(super) fn advance(&self, now: Motion, velocity: f64) -> Motion {
        let moved = now.position + velocity * self.cycle_s;
        // Only rounding can bring a joint from inside to outside.
        let position = moved.clamp(self.lower.min(now.position), self.upper.max(now.position));
        Motion { position, velocity }
    }

    /// Where the joint comes to rest if it brakes from now on; `share` from 0 (now) to 1 (at rest).
    pub(super) fn stopping_position(&self, now: Motion, share: f64) -> f64 {
        let next_speed = (now.velocity.abs() - self.velocity_change()).max(0.0);
        now.position + share * self.stopping_distance(next_speed).copysign(now.velocity)
    }

    /// Whether the joint stands at a position, up to rounding.
    pub(super) fn rests_at(&self, now: Motion, position: f64) -> bool {
        const ROUNDING: f64 = 1e-6;
        let one_cycle = self.velocity_change() * self.cycle_s;
        now.velocity.abs() <= ROUNDING * self.velocity_change()
            && (now.position - position).abs() <= ROUNDING * one_cycle
    }

    /// Time until at rest in s.
    pub(super) fn stopping_time_s(&self, now: Motion) -> f64 {
        (now.velocity.abs() / self.velocity_change()).ceil() * self.cycle_s
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        lower: -1.0,
        upper: 1.0,
        top_speed: 0.8,
        acceleration: 9.0,
        cycle_s: 0.008,
    };

    proptest! {
        #[test]
        fn stoppable_speed_undoes_stopping_distance(speed in 0.0..3.0_f64) {
            let distance = BOUNDS.stopping_distance(speed);
            prop_assert!((BOUNDS.stoppable_speed(distance) - speed).abs() < 1e-9);
        }

        #[test]
        fn stopping_distance_is_what_braking_travels(velocity in -0.8..0.8_f64) {
            let start = Motion { position: 0.0, velocity };
            let predicted = BOUNDS.stopping_position(start, 1.0);
            let mut now = start;
            let mut cycles = 0.0;
            while now.velocity != 0.0 {
                now = BOUNDS.advance(now, BOUNDS.braking_velocity(now));
                cycles += 1.0;
            }
            prop_assert!((now.position - predicted).abs() < 1e-12);
            prop_assert!((cycles * BOUNDS.cycle_s - BOUNDS.stopping_time_s(start)).abs() < 1e-9);
        }
    }
}
