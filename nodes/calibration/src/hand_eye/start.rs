//! A start for the joint refinement that a minority of bad samples cannot spoil.

use nalgebra::Isometry3;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{Seen, problem::mount_from_carrier};
use crate::{
    closed_form::{Method, Station, carrier_from_board},
    sample::Setup,
};

/// Sets of three samples that are tried. With 40 % bad samples one in five sets is good.
const DRAWS: usize = 150;
/// A view whose board is further off than this share of its size agrees with nothing.
const AGREEMENT: f64 = 0.15;

/// Where camera and board are, roughly, and how many views agree.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) mount_from_camera: Isometry3<f64>,
    pub(super) carrier_from_board: Isometry3<f64>,
    /// For each station whether it agrees.
    pub(super) agrees: Vec<bool>,
}

/// What robot and camera say at each view.
pub(super) fn stations(setup: Setup, views: &[Seen]) -> Vec<Station> {
    views
        .iter()
        .map(|seen| Station {
            mount_from_carrier: mount_from_carrier(setup, &seen.view.base_from_flange),
            camera_from_board: seen.pose.camera_from_board,
        })
        .collect()
}

/// The candidate with which most stations agree: the closed forms on all of them and on random threes of them.
pub(super) fn find(stations: &[Station], board_size: f64) -> Option<Start> {
    let reach = AGREEMENT * board_size;
    let mut best: Option<(f64, Start)> = None;
    let consider = |best: &mut Option<(f64, Start)>, subset: &[Station], method| {
        if let Some(start) = candidate(subset, method, stations, board_size, reach)
            && best.as_ref().is_none_or(|(least, _)| start.0 < *least)
        {
            *best = Some(start);
        }
    };
    for method in Method::ALL {
        consider(&mut best, stations, method);
    }
    let mut random = Pcg64::seed_from_u64(0);
    for _ in 0..DRAWS {
        let mut pick = || {
            stations
                .get(random.random_range(0..stations.len().max(1)))
                .copied()
        };
        let subset: Vec<Station> = [pick(), pick(), pick()].into_iter().flatten().collect();
        consider(&mut best, &subset, Method::Shah);
    }
    // Once more with all that agree.
    let agrees = best
        .as_ref()
        .map(|(_, start)| start.agrees.clone())
        .unwrap_or_default();
    let agreeing: Vec<Station> = stations
        .iter()
        .zip(agrees)
        .filter_map(|(station, agrees)| agrees.then_some(*station))
        .collect();
    for method in Method::ALL {
        consider(&mut best, &agreeing, method);
    }
    best.map(|(_, start)| start)
}

fn candidate(
    subset: &[Station],
    method: Method,
    all: &[Station],
    board_size: f64,
    reach: f64,
) -> Option<(f64, Start)> {
    let mount_from_camera = method.mount_from_camera(subset)?;
    let carrier_from_board = carrier_from_board(subset, &mount_from_camera)?;
    let mut score = 0.0;
    let mut agrees = Vec::with_capacity(all.len());
    for station in all {
        let predicted =
            mount_from_camera.inverse() * station.mount_from_carrier * carrier_from_board;
        let (shift, turn) = crate::pose::distance(&predicted, &station.camera_from_board);
        let off = shift + 0.5 * board_size * turn;
        score += off.min(reach);
        agrees.push(off < reach);
    }
    Some((
        score,
        Start {
            mount_from_camera,
            carrier_from_board,
            agrees,
        },
    ))
}
