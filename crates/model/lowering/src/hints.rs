//! What to do about ops that import doesn't know.

/// The nearest thing that can be done about an op, if there is one.
pub(crate) fn hint(op: &str) -> Option<&'static str> {
    Some(match op {
        "NonMaxSuppression" | "RoiAlign" | "Unique" | "TfIdfVectorizer" | "StringNormalizer" => {
            "end the model before it: the client computes it on what it learns"
        }
        "MelWeightMatrix" | "HannWindow" | "ImageDecoder" => {
            "begin the model behind it: the client computes it on its own input"
        }
        "DeformConv" => "where the offsets are known, write it as a matrix product over the pixels",
        "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" | "Bernoulli"
        | "Multinomial" => "export the model for inference, without randomness",
        "SequenceConstruct" | "SequenceAt" | "ConcatFromSequence" | "SplitToSequence" | "SequenceMap" => {
            "export with fixed numbers of tensors, by Concat and Split"
        }
        "com.microsoft.FusedMatMul"
        | "com.microsoft.FusedConv"
        | "com.microsoft.SkipLayerNormalization"
        | "com.microsoft.EmbedLayerNormalization"
        | "com.microsoft.MultiHeadAttention" => "save the model without onnxruntime's graph optimisations",
        _ => return None,
    })
}
