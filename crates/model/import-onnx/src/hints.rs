//! What to do about ops that import doesn't know.

/// The nearest thing that can be done about an op, if there is one.
pub(crate) fn hint(op: &str) -> Option<&'static str> {
    Some(match op {
        "NonMaxSuppression" | "RoiAlign" | "Unique" | "TfIdfVectorizer" | "StringNormalizer" => {
            "end the model before it: the client computes it on what it learns"
        }
        "DFT" | "STFT" | "MelWeightMatrix" | "HannWindow" | "ImageDecoder" => {
            "begin the model behind it: the client computes it on its own input"
        }
        "TopK" => "compile with `--reveal top-K` if it is the model's end",
        "GridSample" | "AffineGrid" | "DeformConv" => {
            "where the grid is known, write it as a matrix product over the pixels"
        }
        "Sin" | "Cos" | "Tan" | "Asin" | "Acos" | "Atan" | "Asinh" | "Acosh" | "Atanh" => {
            "of known numbers export the result; of private ones a polynomial does"
        }
        "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" | "Bernoulli"
        | "Multinomial" => "export the model for inference, without randomness",
        "SequenceConstruct" | "SequenceAt" | "ConcatFromSequence" | "SplitToSequence" | "SequenceMap" => {
            "export with fixed numbers of tensors, by Concat and Split"
        }
        "CumProd" => "a sum of logarithms, for positive numbers",
        "com.microsoft.FusedMatMul"
        | "com.microsoft.FusedConv"
        | "com.microsoft.SkipLayerNormalization"
        | "com.microsoft.EmbedLayerNormalization"
        | "com.microsoft.MultiHeadAttention" => "save the model without onnxruntime's graph optimisations",
        _ => return None,
    })
}
