//! Numpy arrays: npy and npz.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use ndarray::{ArrayD, ArrayViewD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadNpyExt, ReadableElement, WriteNpyExt};

use crate::samples::{Samples, open};
use crate::{Error, Preprocessing, Result};

/// The npy file that holds `values`, elements of a tensor of shape `shape` in row-major order.
///
/// # Errors
/// [`Error::ArrayShape`] if the shape has another number of elements.
pub fn write_npy(values: &[f32], shape: &[usize]) -> Result<Vec<u8>> {
    let misfit = || Error::ArrayShape { actual: vec![values.len()], expected: shape.to_vec() };
    if shape.iter().product::<usize>() != values.len() {
        return Err(misfit());
    }
    let array = ArrayViewD::from_shape(shape, values).map_err(|_| misfit())?;
    let mut bytes = Cursor::new(Vec::new());
    array.write_npy(&mut bytes).map_err(|_| misfit())?;
    Ok(bytes.into_inner())
}

/// Cuts a batch into samples: the array is one sample, or one more dimension of them.
fn cut<T: Copy>(array: &ArrayD<T>, shape: &[usize]) -> Result<Vec<Vec<T>>> {
    let elements: usize = shape.iter().product();
    let values: Vec<T> = array.iter().copied().collect();
    let squeezed = |dims: &[usize]| dims.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
    let (given, wanted) = (squeezed(array.shape()), squeezed(shape));
    let batch = given.strip_suffix(&wanted[..]);
    if elements == 0 || batch.is_none_or(|batch| batch.len() > 1) {
        return Err(Error::ArrayShape { actual: array.shape().to_vec(), expected: shape.to_vec() });
    }
    Ok(values.chunks(elements).map(<[T]>::to_vec).collect())
}

fn from_bytes(array: &ArrayD<u8>, shape: &[usize], preprocessing: &Preprocessing) -> Result<Vec<Vec<f32>>> {
    cut(array, shape)?.iter().map(|sample| preprocessing.bytes(sample, shape)).collect()
}

pub(crate) fn read_npy(path: &Path, shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    let inputs = match ArrayD::<f32>::read_npy(open(path)?) {
        Ok(floats) => cut(&floats, shape)?,
        Err(_) => {
            let bytes =
                ArrayD::<u8>::read_npy(open(path)?).map_err(|e| Error::ElementType { source: e.into() })?;
            from_bytes(&bytes, shape, preprocessing)?
        }
    };
    Ok(Samples { inputs, ..Samples::default() })
}

fn array<T: ReadableElement>(npz: &mut NpzReader<impl Read + Seek>, name: &str) -> Option<ArrayD<T>> {
    npz.by_name::<OwnedRepr<T>, IxDyn>(&format!("{name}.npy"))
        .or_else(|_| npz.by_name::<OwnedRepr<T>, IxDyn>(name))
        .ok()
}

fn integers(npz: &mut NpzReader<impl Read + Seek>, name: &str) -> Option<Vec<i64>> {
    array::<i64>(npz, name)
        .map(|a| a.iter().copied().collect())
        .or_else(|| array::<i32>(npz, name).map(|a| a.iter().map(|&v| i64::from(v)).collect()))
        .or_else(|| array::<u8>(npz, name).map(|a| a.iter().map(|&v| i64::from(v)).collect()))
}

/// The samples in an npz file for an input of shape `shape`: `x` (f32, or u8 to be preprocessed) with classes
/// `y`; or `input_0`, `input_1`, ... with classes `labels`.
///
/// # Errors
/// A file that is none, holds arrays of other names or shapes, or another number of labels than of inputs.
pub fn read_npz(file: impl Read + Seek, shape: &[usize], preprocessing: &Preprocessing) -> Result<Samples> {
    let mut npz = NpzReader::new(file).map_err(|e| Error::Npz { source: e.into() })?;
    let mut inputs = Vec::new();
    let labels = if let Some(x) = array::<f32>(&mut npz, "x") {
        inputs = cut(&x, shape)?;
        integers(&mut npz, "y")
    } else if let Some(x) = array::<u8>(&mut npz, "x") {
        inputs = from_bytes(&x, shape, preprocessing)?;
        integers(&mut npz, "y")
    } else {
        while let Some(x) = array::<f32>(&mut npz, &format!("input_{}", inputs.len())) {
            let mut sample = cut(&x, shape)?;
            if sample.len() != 1 {
                return Err(Error::SeveralSamples { index: inputs.len() });
            }
            inputs.append(&mut sample);
        }
        if inputs.is_empty() {
            return Err(Error::NoInputs);
        }
        integers(&mut npz, "labels")
    };
    if let Some(labels) = &labels
        && labels.len() != inputs.len()
    {
        return Err(Error::LabelCount { labels: labels.len(), inputs: inputs.len() });
    }
    Ok(Samples { inputs, labels, ..Samples::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    #[test]
    fn an_array_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("batch.npy");
        let values: Vec<f32> = (0..12).map(|v| v as f32 / 8.0).collect();
        std::fs::write(&file, write_npy(&values, &[2, 1, 3, 2]).unwrap()).unwrap();
        let samples = load(&file, &[1, 3, 2], &Preprocessing::default()).unwrap();
        assert_eq!(samples.inputs, [&values[..6], &values[6..]]);
        assert!(load(&file, &[1, 2, 3], &Preprocessing::default()).is_err(), "another shape");
        assert!(write_npy(&values, &[5]).is_err());
    }
}
