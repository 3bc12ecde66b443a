//! A learned policy: observe, run the network, decode its action.

use std::path::Path;

use inference::{InferenceError, ModelOptions};
use nalgebra::Isometry3;
use robot::Hand;

use crate::action::{ActionError, Decoder, Targets};
use crate::manifest::{Engine, Manifest};
use crate::network::{Network, OnnxNetwork};
use crate::observation::{ObservationError, Observer};
use crate::snapshot::Snapshot;

/// Why a learned policy cannot be loaded or gave no targets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnedError {
    /// The manifest has no network, or no action.
    #[error("the manifest of {name} names no network with an action")]
    NotLearned {
        /// Name of the policy.
        name: String,
    },
    /// The network.
    #[error(transparent)]
    Network(#[from] InferenceError),
    /// An observation.
    #[error(transparent)]
    Observation(#[from] ObservationError),
    /// The action.
    #[error(transparent)]
    Action(#[from] ActionError),
}

/// The parts that make a learned policy.
pub struct Learned {
    observer: Observer,
    network: Box<dyn Network>,
    decoder: Decoder,
    previous_action: Vec<f32>,
}

impl std::fmt::Debug for Learned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Learned")
            .field("observer", &self.observer)
            .finish_non_exhaustive()
    }
}

impl Learned {
    /// Loads what the manifest names; files are relative to `folder`.
    pub fn load(
        manifest: &Manifest,
        folder: &Path,
        hand: &Hand,
        tool0_from_palm: Isometry3<f64>,
        options: &ModelOptions,
    ) -> Result<Self, LearnedError> {
        let (Engine::Network(file), Some(action)) = (&manifest.engine, &manifest.action) else {
            return Err(LearnedError::NotLearned {
                name: manifest.name.clone(),
            });
        };
        // What the robot lacks is told before the file is looked for: no file would help.
        let observer = Observer::new(manifest.observations.clone(), hand.clone())?;
        let decoder = Decoder::new(action.clone(), hand.clone(), tool0_from_palm)?;
        let network = OnnxNetwork::load(folder, file, &manifest.observations, action, options)?;
        Ok(Self::with_network(
            observer,
            Box::new(network),
            decoder,
            action.size(),
        ))
    }

    /// From its parts.
    pub fn with_network(
        observer: Observer,
        network: Box<dyn Network>,
        decoder: Decoder,
        action_size: usize,
    ) -> Self {
        Self {
            observer,
            network,
            decoder,
            previous_action: vec![0.0; action_size],
        }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.observer.reset();
        self.decoder.reset();
        self.previous_action.fill(0.0);
    }

    /// One control step.
    pub fn step(&mut self, snapshot: &Snapshot) -> Result<Targets, LearnedError> {
        let snapshot = Snapshot {
            previous_action: self.previous_action.clone(),
            ..snapshot.clone()
        };
        let inputs = self.observer.observe(&snapshot)?;
        let output = self.network.run(&inputs)?;
        let targets = self.decoder.decode(&output, &snapshot)?;
        self.previous_action = output;
        Ok(targets)
    }
}
