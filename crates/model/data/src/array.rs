//! Numpy arrays: npy and npz.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use ndarray::{ArrayD, ArrayViewD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpyExt, ReadableElement, WriteNpyExt};

use crate::input::InputSpec;
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

/// An array with its name in an npz file.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// Its name; of an npy file that of the file.
    pub name: String,
    /// Its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Its elements in row-major order.
    pub values: Vec<f32>,
}

/// The npz file that holds arrays.
///
/// # Errors
/// [`Error::ArrayShape`] if one has another number of elements than its shape.
pub fn write_npz(arrays: &[NamedArray]) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let mut npz = NpzWriter::new(&mut bytes);
    for NamedArray { name, shape, values } in arrays {
        let misfit = || Error::ArrayShape { actual: vec![values.len()], expected: shape.clone() };
        let array = ArrayViewD::from_shape(&shape[..], values).map_err(|_| misfit())?;
        npz.add_array(name.as_str(), &array).map_err(|e| Error::Npz { source: e.into() })?;
    }
    npz.finish().map_err(|e| Error::Npz { source: e.into() })?;
    Ok(bytes.into_inner())
}

/// All arrays of numbers in an npy or npz file.
///
/// # Errors
/// A file that cannot be opened, is longer than 4 GiB, or is neither.
pub fn read_arrays(path: impl AsRef<Path>) -> Result<Vec<NamedArray>> {
    let path = path.as_ref();
    let named = |name: &str, array: Array| {
        let array = match array {
            Array::Numbers(array) => array,
            Array::Bytes(array) => array.mapv(f32::from),
        };
        NamedArray {
            name: name.to_owned(),
            shape: array.shape().to_vec(),
            values: array.iter().copied().collect(),
        }
    };
    if path.extension().is_some_and(|e| e == "npy") {
        open(path)?;
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let array = Array::read(Npy(path)).ok_or(Error::ElementType);
        return Ok(vec![named(&stem, array.map_err(|e| Error::read(path, e))?)]);
    }
    let npz = NpzReader::new(open(path)?);
    let mut npz = npz.map_err(|e| Error::read(path, Error::Npz { source: e.into() }))?;
    let names = npz.names().unwrap_or_default();
    let mut arrays = Vec::new();
    for name in names {
        let name = name.strip_suffix(".npy").unwrap_or(&name);
        arrays.extend(Array::read(Npz(&mut npz, name)).map(|array| named(name, array)));
    }
    Ok(arrays)
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

/// An array of some type that is read.
enum Array {
    /// Numbers, as they are.
    Numbers(ArrayD<f32>),
    /// Bytes, which may be those of pictures.
    Bytes(ArrayD<u8>),
}

impl Array {
    /// What one of the types that are read makes of an array.
    fn read(mut read: impl ArrayReader) -> Option<Self> {
        macro_rules! first_of {
            ($($kind:ty),*) => {
                $(if let Some(array) = read.read::<$kind>() {
                    return Some(Self::Numbers(array.mapv(|v| v as f32)));
                })*
            };
        }
        if let Some(array) = read.read::<u8>() {
            return Some(Self::Bytes(array));
        }
        first_of!(f32, f64, i64, i32, i16, i8, u16, u32, u64);
        let truth = read.read::<bool>()?;
        Some(Self::Numbers(truth.mapv(|v| f32::from(u8::from(v)))))
    }

    /// The samples for an input, each flat.
    fn samples(&self, input: &InputSpec<'_>, preprocessing: &Preprocessing) -> Result<Vec<Vec<f32>>> {
        if let Some(classes) = input.classes() {
            let numbers = match self {
                Self::Numbers(array) => array.clone(),
                Self::Bytes(array) => array.mapv(f32::from),
            };
            let indices = &input.shape[..input.shape.len() - 1];
            // An array that is spread out already is taken as it is.
            return match cut(&numbers, indices) {
                Ok(samples) => samples.iter().map(|sample| spread(sample, classes)).collect(),
                Err(_) => cut(&numbers, input.shape),
            };
        }
        match self {
            Self::Numbers(array) => cut(array, input.shape),
            Self::Bytes(array) => {
                cut(array, input.shape)?.iter().map(|s| preprocessing.bytes(s, input.shape)).collect()
            }
        }
    }
}

/// Indices as rows of zeros with a one each.
fn spread(indices: &[f32], classes: usize) -> Result<Vec<f32>> {
    let mut rows = vec![0.0; indices.len() * classes];
    for (row, &index) in indices.iter().enumerate() {
        let negative = if index < 0.0 { classes as f32 } else { 0.0 };
        let place = index + negative;
        if place.fract() != 0.0 || place < 0.0 || place >= classes as f32 {
            return Err(Error::Index { index, classes });
        }
        rows[row * classes + place as usize] = 1.0;
    }
    Ok(rows)
}

/// What an array can be read from, as elements of a type.
trait ArrayReader {
    fn read<T: ReadableElement>(&mut self) -> Option<ArrayD<T>>;
}

/// An npy file.
struct Npy<'a>(&'a Path);

impl ArrayReader for Npy<'_> {
    fn read<T: ReadableElement>(&mut self) -> Option<ArrayD<T>> {
        ArrayD::<T>::read_npy(open(self.0).ok()?).ok()
    }
}

/// An array in an npz file.
struct Npz<'a, R: Read + Seek>(&'a mut NpzReader<R>, &'a str);

impl<R: Read + Seek> ArrayReader for Npz<'_, R> {
    fn read<T: ReadableElement>(&mut self) -> Option<ArrayD<T>> {
        self.0
            .by_name::<OwnedRepr<T>, IxDyn>(&format!("{}.npy", self.1))
            .or_else(|_| self.0.by_name::<OwnedRepr<T>, IxDyn>(self.1))
            .ok()
    }
}

pub(crate) fn read_npy(path: &Path, inputs: &[InputSpec<'_>], how: &Preprocessing) -> Result<Samples> {
    let [input] = inputs else {
        return Err(Error::OneArray { wanted: wanted(inputs) });
    };
    open(path)?;
    let array = Array::read(Npy(path)).ok_or(Error::ElementType)?;
    Ok(Samples { inputs: array.samples(input, how)?, ..Samples::default() })
}

/// What is wanted of an npz file, in words.
fn wanted(inputs: &[InputSpec<'_>]) -> String {
    let list: Vec<String> =
        inputs.iter().map(|input| format!("`{}` {:?}", input.name, input.given())).collect();
    list.join(", ")
}

/// The samples in an npz file for a network's inputs: arrays by the names of the inputs. Of a network with
/// one input also `x` with classes `y`; or `input_0`, `input_1`, ..., one sample each, with classes `labels`.
/// Of one with several inputs, `input_0` is the first of them.
///
/// # Errors
/// A file that is none, holds arrays of other names or shapes, or another number of labels than of inputs.
pub fn read_npz(
    file: impl Read + Seek,
    inputs: &[InputSpec<'_>],
    preprocessing: &Preprocessing,
) -> Result<Samples> {
    let mut npz = NpzReader::new(file).map_err(|e| Error::Npz { source: e.into() })?;
    let names = npz.names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|n| n.strip_suffix(".npy").unwrap_or(n).to_owned()).collect();
    let nothing = || Error::NoInputs { wanted: wanted(inputs), held: names.join("`, `") };
    let mut labels = None;
    let mut columns: Vec<Vec<Vec<f32>>> = Vec::with_capacity(inputs.len());
    for (i, input) in inputs.iter().enumerate() {
        let numbered = format!("input_{i}");
        let alone = if inputs.len() == 1 { "x" } else { "" };
        let found = [input.name, alone, &numbered].into_iter().find(|name| names.iter().any(|n| n == name));
        let name = found.ok_or_else(nothing)?;
        let array = Array::read(Npz(&mut npz, name)).ok_or(Error::ElementType)?;
        let mut samples = array.samples(input, preprocessing)?;
        if inputs.len() == 1 && name == numbered {
            // One array a sample.
            for next in 1.. {
                let name = format!("input_{next}");
                if !names.contains(&name) {
                    break;
                }
                let array = Array::read(Npz(&mut npz, &name)).ok_or(Error::ElementType)?;
                let mut more = array.samples(input, preprocessing)?;
                if more.len() != 1 || samples.len() != next {
                    return Err(Error::SeveralSamples { index: next });
                }
                samples.append(&mut more);
            }
        }
        columns.push(samples);
    }
    for name in ["y", "labels"] {
        if labels.is_none() && names.iter().any(|n| n == name) {
            let array = Array::read(Npz(&mut npz, name));
            labels = array.map(|array| match array {
                Array::Numbers(array) => array.iter().map(|&v| v as i64).collect::<Vec<i64>>(),
                Array::Bytes(array) => array.iter().map(|&v| i64::from(v)).collect(),
            });
        }
    }
    let count = columns.iter().map(Vec::len).max().unwrap_or(0);
    if let Some(short) = columns.iter().position(|samples| samples.len() != count && samples.len() != 1) {
        let (name, have) = (inputs[short].name.to_owned(), columns[short].len());
        return Err(Error::UnequalInputs { name, have, count });
    }
    let sample = |i: usize| columns.iter().flat_map(|c| &c[i.min(c.len() - 1)]).copied().collect();
    let inputs: Vec<Vec<f32>> = (0..count).map(sample).collect();
    if let Some(labels) = &labels
        && labels.len() != inputs.len()
    {
        return Err(Error::LabelCount { labels: labels.len(), inputs: inputs.len() });
    }
    Ok(Samples { inputs, labels, ..Samples::default() })
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;
    use crate::load;

    fn one(shape: &[usize]) -> [InputSpec<'_>; 1] {
        [InputSpec::new("x", shape)]
    }

    #[test]
    fn an_array_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("batch.npy");
        let values: Vec<f32> = (0..12).map(|v| v as f32 / 8.0).collect();
        std::fs::write(&file, write_npy(&values, &[2, 1, 3, 2]).unwrap()).unwrap();
        let samples = load(&file, &one(&[1, 3, 2]), &Preprocessing::default()).unwrap();
        assert_eq!(samples.inputs, [&values[..6], &values[6..]]);
        assert!(load(&file, &one(&[1, 2, 3]), &Preprocessing::default()).is_err(), "another shape");
        assert!(write_npy(&values, &[5]).is_err());
    }

    fn npz(write: impl FnOnce(&mut NpzWriter<&mut Cursor<Vec<u8>>>)) -> Cursor<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = NpzWriter::new(&mut bytes);
        write(&mut writer);
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn several_inputs_are_read_by_name_and_of_any_type() {
        let file = npz(|npz| {
            npz.add_array("rate", &arr1(&[16_000i64])).unwrap();
            npz.add_array("sound", &arr1(&[0.5f64, -1.0, 2.0]).into_shape_with_order((1, 3)).unwrap())
                .unwrap();
        });
        let inputs = [InputSpec::new("sound", &[1, 3]), InputSpec::new("rate", &[1])];
        let samples = read_npz(file.clone(), &inputs, &Preprocessing::default()).unwrap();
        assert_eq!(samples.inputs, [[0.5, -1.0, 2.0, 16_000.0]]);
        let others = [InputSpec::new("a", &[1, 3]), InputSpec::new("b", &[1])];
        let message = read_npz(file, &others, &Preprocessing::default()).unwrap_err().to_string();
        assert!(message.contains("`a` [1, 3], `b` [1]") && message.contains("`rate`, `sound`"), "{message}");
    }

    #[test]
    fn indices_are_spread_out_and_checked() {
        let ids = |ids: &[i32]| npz(|npz| npz.add_array("ids", &arr1(ids)).unwrap());
        let inputs = [InputSpec::new("ids", &[2, 3]).one_hot()];
        let read = |file| read_npz(file, &inputs, &Preprocessing::default());
        assert_eq!(read(ids(&[2, 0])).unwrap().inputs, [[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]);
        assert_eq!(read(ids(&[-1, 1])).unwrap().inputs, [[0.0, 0.0, 1.0, 0.0, 1.0, 0.0]]);
        assert!(read(ids(&[3, 0])).unwrap_err().to_string().contains("index 3"));
    }
}
