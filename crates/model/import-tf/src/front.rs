//! What stands before the private graph: decoding of files and features of sound, which the client computes
//! of its own input.

use veilflow_lowering::source;

use crate::proto;

/// Ops that the private graph begins behind.
const FRONT: [&str; 11] = [
    "AudioSpectrogram",
    "DecodeAndCropJpeg",
    "DecodeBmp",
    "DecodeGif",
    "DecodeImage",
    "DecodeJpeg",
    "DecodePng",
    "DecodeRaw",
    "DecodeWav",
    "Mfcc",
    "ParseExample",
];

/// Whether the client computes this node.
pub(crate) fn is_front(node: &proto::Node) -> bool {
    FRONT.contains(&node.op.as_str())
}

/// The node as an input of the private graph. Sizes that can't be told are open.
pub(crate) fn input(node: &proto::Node, nodes: &[proto::Node]) -> source::ValueInfo {
    let open = -1;
    let number = |node: &proto::Node, name: &str| node.attr.get(name).and_then(|a| a.i);
    let made_by = |node: &proto::Node, op: &str| {
        let name = node.input.first()?.split(':').next()?.to_owned();
        nodes.iter().find(|n| n.name == name && n.op == op)
    };
    // [channels, frames, ...] of a recording of known length.
    let frames = |spectrogram: &proto::Node| {
        let samples = number(made_by(spectrogram, "DecodeWav")?, "desired_samples").filter(|&s| s > 0)?;
        let (window, stride) = (number(spectrogram, "window_size")?, number(spectrogram, "stride")?);
        (window > 0 && stride > 0 && samples >= window).then(|| 1 + (samples - window) / stride)
    };
    let channels = |spectrogram: &proto::Node| {
        let wav = made_by(spectrogram, "DecodeWav")?;
        number(wav, "desired_channels").filter(|&c| c > 0)
    };
    let dims = match node.op.as_str() {
        "Mfcc" => {
            let spectrogram = made_by(node, "AudioSpectrogram");
            let channels = spectrogram.and_then(channels).unwrap_or(1);
            let coefficients = number(node, "dct_coefficient_count").unwrap_or(13);
            vec![channels, spectrogram.and_then(frames).unwrap_or(open), coefficients]
        }
        "AudioSpectrogram" => {
            let window = number(node, "window_size").filter(|w| (1..1 << 30).contains(w)).unwrap_or(1);
            let bins = (window as u64).next_power_of_two() as i64 / 2 + 1;
            vec![channels(node).unwrap_or(1), frames(node).unwrap_or(open), bins]
        }
        "DecodeWav" => vec![
            number(node, "desired_samples").filter(|&s| s > 0).unwrap_or(open),
            number(node, "desired_channels").filter(|&c| c > 0).unwrap_or(1),
        ],
        _ => vec![open, open, number(node, "channels").filter(|&c| c > 0).unwrap_or(3)],
    };
    value(&node.name, source::data_type::FLOAT, Some(&dims))
}

/// An input of this element type and these dimensions; −1 is one that is open.
pub(crate) fn value(name: &str, kind: i32, dims: Option<&[i64]>) -> source::ValueInfo {
    let dim = |&size: &i64| source::Dimension { dim_value: (size > 0).then_some(size), dim_param: None };
    let shape = dims.map(|dims| source::TensorShape { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(source::TensorType { elem_type: Some(kind), shape });
    source::ValueInfo { name: Some(name.to_owned()), r#type: Some(source::Type { tensor_type }) }
}
