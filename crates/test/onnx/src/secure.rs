//! A secure run of a compiled test: two parties in two threads, held to the run in the clear.

use anyhow::{Result, anyhow, ensure};
use veilflow_exec::{Held, Session, SessionOptions, SupplierKind};
use veilflow_ir::Tensor;
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_passes::{Compiled, clear};
use veilflow_ring::RingVec;

/// Runs a compiled test with a supplier, and holds the client's outputs to those of the run in the clear, bit
/// for bit.
///
/// # Errors
/// If a party fails, or an output differs.
pub fn secure(net: &Compiled, inputs: &[Tensor], supplier: SupplierKind) -> Result<()> {
    let options = SessionOptions { supplier, ..SessionOptions::default() };
    let wanted = clear::run(&net.plan, &net.weights, inputs)?.outputs;
    let encoded: Vec<RingVec> = clear::encode(&net.plan, inputs)?.into_iter().map(|e| e.values).collect();
    let (to_client, to_server) = memory_pair();
    let outputs = std::thread::scope(|scope| -> Result<_> {
        let server = scope.spawn(|| party(net, to_client, Role::P0, None, options));
        let outputs = party(net, to_server, Role::P1, Some(&encoded), options)?;
        server.join().map_err(|_| anyhow!("the server panicked"))??;
        Ok(outputs)
    })?;
    let outputs = outputs.ok_or_else(|| anyhow!("the client has no outputs"))?;
    ensure!(outputs == wanted, "an output differs from the run in the clear");
    Ok(())
}

/// One party's run; the outputs if it is the client.
fn party(
    net: &Compiled,
    channel: Channel,
    role: Role,
    input: Option<&[RingVec]>,
    options: SessionOptions,
) -> Result<Option<Vec<RingVec>>> {
    let mut session = Session::open_for(channel, role, &net.plan, options)?;
    let weights = if role == Role::P0 { Held::Whole(&net.weights) } else { Held::Nothing };
    let prepared = session.preparer.prepare(&net.plan, weights, &|_| {})?;
    Ok(session.online.run(prepared, &net.plan, weights, input, &|_| {})?.outputs)
}
