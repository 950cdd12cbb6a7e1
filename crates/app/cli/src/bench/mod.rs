//! `veilflow bench`: what operations and models cost, both parties as processes on loopback.

mod case;
mod function;
mod job;
mod kernels;
mod measurement;
mod model;
mod op;
mod parties;
mod preset;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// One operation on many elements.
    Op(op::Op),
    /// A compiled model.
    Model(model::Model),
    /// The elementary functions of a network measured elsewhere, layer after layer.
    Preset(preset::Preset),
    /// The transforms under homomorphic encryption, with every kernel that the processor has.
    Kernels(kernels::Kernels),
    /// One party of `bench op`; started by it.
    #[command(hide = true)]
    Party(op::PartyArguments),
    /// One party of `bench preset`; started by it.
    #[command(hide = true)]
    PresetParty(preset::PartyArguments),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Op(op) => op.run(),
            Self::Model(model) => model.run(),
            Self::Preset(preset) => preset.run(),
            Self::Kernels(kernels) => kernels.run(),
            Self::Party(party) => party.run(),
            Self::PresetParty(party) => party.run(),
        }
    }
}
