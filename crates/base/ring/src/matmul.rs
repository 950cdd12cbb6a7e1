//! Wrap-around matrix products: the hot loop of linear layers in the clear and on shares.
//!
//! One portable body, compiled for several instruction sets and chosen at run time; [`matmul_naive`] is its slow twin.
#![allow(unsafe_code)]

/// An element type whose arithmetic wraps: `u32` for rings up to 32 bits, `u64` above.
pub trait Wrapping: Copy + Default + Send + Sync + 'static {
    /// a + b·c, wrapping.
    fn multiply_add(a: Self, b: Self, c: Self) -> Self;
    /// c += a·b for row-major `rows` × `inner` and `inner` × `columns` matrices, on the best instruction set present.
    fn matmul(dims: Dims, a: &[Self], b: &[Self], c: &mut [Self]);
    /// The low bits of `v`.
    fn from_u64(v: u64) -> Self;
    /// Zero-extended.
    fn to_u64(self) -> u64;
}

/// Sizes of a matrix product: (`rows` × `inner`) · (`inner` × `columns`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dims {
    /// Rows of the left factor and of the product.
    pub rows: usize,
    /// Columns of the left factor, rows of the right.
    pub inner: usize,
    /// Columns of the right factor and of the product.
    pub columns: usize,
}

impl Dims {
    fn check(&self, a: usize, b: usize, c: usize) {
        assert_eq!(a, self.rows * self.inner, "left factor does not fit");
        assert_eq!(b, self.inner * self.columns, "right factor does not fit");
        assert_eq!(c, self.rows * self.columns, "product does not fit");
    }
}

/// The slow obvious twin of [`Wrapping::matmul`].
pub fn matmul_naive<T: Wrapping>(dims: Dims, a: &[T], b: &[T], c: &mut [T]) {
    dims.check(a.len(), b.len(), c.len());
    for i in 0..dims.rows {
        for j in 0..dims.columns {
            for k in 0..dims.inner {
                let at = i * dims.columns + j;
                c[at] = T::multiply_add(c[at], a[i * dims.inner + k], b[k * dims.columns + j]);
            }
        }
    }
}

/// Columns of a block: four rows of C and one of B stay in the first-level cache.
const COLUMN_BLOCK: usize = 512;
/// Depth of a block: the block of B stays in the second-level cache.
const INNER_BLOCK: usize = 128;

/// Four rows of C at a time take multiples of one row of B; the inner loop has no dependences, so it vectorises.
#[inline(always)]
fn matmul_blocked<T: Wrapping>(dims: Dims, a: &[T], b: &[T], c: &mut [T]) {
    dims.check(a.len(), b.len(), c.len());
    if dims.columns == 1 {
        return matvec(dims, a, b, c);
    }
    for j0 in (0..dims.columns).step_by(COLUMN_BLOCK) {
        let j1 = (j0 + COLUMN_BLOCK).min(dims.columns);
        for k0 in (0..dims.inner).step_by(INNER_BLOCK) {
            let k1 = (k0 + INNER_BLOCK).min(dims.inner);
            for (quad, rows) in c.chunks_mut(4 * dims.columns).enumerate() {
                let a = &a[quad * 4 * dims.inner..];
                if rows.len() == 4 * dims.columns {
                    let (c01, c23) = rows.split_at_mut(2 * dims.columns);
                    let (c0, c1) = c01.split_at_mut(dims.columns);
                    let (c2, c3) = c23.split_at_mut(dims.columns);
                    let (c0, c1, c2, c3) =
                        (&mut c0[j0..j1], &mut c1[j0..j1], &mut c2[j0..j1], &mut c3[j0..j1]);
                    for k in k0..k1 {
                        let b = &b[k * dims.columns + j0..k * dims.columns + j1];
                        let f = [a[k], a[dims.inner + k], a[2 * dims.inner + k], a[3 * dims.inner + k]];
                        for ((((&b, c0), c1), c2), c3) in
                            b.iter().zip(&mut *c0).zip(&mut *c1).zip(&mut *c2).zip(&mut *c3)
                        {
                            *c0 = T::multiply_add(*c0, f[0], b);
                            *c1 = T::multiply_add(*c1, f[1], b);
                            *c2 = T::multiply_add(*c2, f[2], b);
                            *c3 = T::multiply_add(*c3, f[3], b);
                        }
                    }
                } else {
                    for (r, row) in rows.chunks_mut(dims.columns).enumerate() {
                        for k in k0..k1 {
                            let f = a[r * dims.inner + k];
                            let b = &b[k * dims.columns + j0..k * dims.columns + j1];
                            for (&b, c) in b.iter().zip(&mut row[j0..j1]) {
                                *c = T::multiply_add(*c, f, b);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn matvec<T: Wrapping>(dims: Dims, a: &[T], b: &[T], c: &mut [T]) {
    for (row, c) in a.chunks(dims.inner).zip(c) {
        let mut lanes = [T::default(); 16];
        let (rows, factors) = (row.chunks_exact(16), b.chunks_exact(16));
        let tail = rows.remainder().iter().zip(factors.remainder());
        for (x, y) in rows.zip(factors) {
            for l in 0..16 {
                lanes[l] = T::multiply_add(lanes[l], x[l], y[l]);
            }
        }
        let one = T::from_u64(1);
        *c = lanes.into_iter().fold(*c, |sum, lane| T::multiply_add(sum, lane, one));
        *c = tail.fold(*c, |sum, (&x, &y)| T::multiply_add(sum, x, y));
    }
}

macro_rules! wrapping {
    ($type:ty, $avx512:ident, $avx2:ident) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
        fn $avx512(dims: Dims, a: &[$type], b: &[$type], c: &mut [$type]) {
            matmul_blocked(dims, a, b, c);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn $avx2(dims: Dims, a: &[$type], b: &[$type], c: &mut [$type]) {
            matmul_blocked(dims, a, b, c);
        }

        impl Wrapping for $type {
            #[inline(always)]
            fn multiply_add(a: Self, b: Self, c: Self) -> Self {
                a.wrapping_add(b.wrapping_mul(c))
            }

            fn matmul(dims: Dims, a: &[Self], b: &[Self], c: &mut [Self]) {
                #[cfg(target_arch = "x86_64")]
                {
                    let has = |features: &[bool]| features.iter().all(|&f| f);
                    if has(&[
                        is_x86_feature_detected!("avx512f"),
                        is_x86_feature_detected!("avx512dq"),
                        is_x86_feature_detected!("avx512vl"),
                    ]) {
                        // SAFETY: the features the function is compiled for were just detected.
                        return unsafe { $avx512(dims, a, b, c) };
                    }
                    if is_x86_feature_detected!("avx2") {
                        // SAFETY: the feature the function is compiled for was just detected.
                        return unsafe { $avx2(dims, a, b, c) };
                    }
                }
                matmul_blocked(dims, a, b, c);
            }

            fn from_u64(v: u64) -> Self {
                v as $type
            }

            fn to_u64(self) -> u64 {
                u64::from(self)
            }
        }
    };
}

wrapping!(u32, matmul_u32_avx512, matmul_u32_avx2);
wrapping!(u64, matmul_u64_avx512, matmul_u64_avx2);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Wrapping + PartialEq + std::fmt::Debug>() {
        for (rows, inner, columns) in
            [(1, 1, 1), (4, 3, 5), (5, 129, 513), (9, 17, 1), (3, 40, 1), (8, 200, 33), (2, 0, 3)]
        {
            let dims = Dims { rows, inner, columns };
            let fill = |n: usize, salt: u64| -> Vec<T> {
                (0..n as u64).map(|i| T::from_u64((i + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
            };
            let (a, b, start) = (fill(rows * inner, 1), fill(inner * columns, 2), fill(rows * columns, 3));
            let (mut portable, mut chosen, mut naive) = (start.clone(), start.clone(), start);
            matmul_blocked(dims, &a, &b, &mut portable);
            T::matmul(dims, &a, &b, &mut chosen);
            matmul_naive(dims, &a, &b, &mut naive);
            assert_eq!(portable, naive, "{dims:?}");
            assert_eq!(chosen, naive, "{dims:?}");
        }
    }

    #[test]
    fn every_path_equals_the_naive_product() {
        check::<u32>();
        check::<u64>();
    }
}
