//! Wrap-around matrix products: the hot loop of linear layers in the clear and on shares.
//!
//! One portable body is compiled for several instruction sets and chosen at run time. The tests hold all of
//! them to the product's definition.
#![allow(unsafe_code)]

/// An element type whose arithmetic wraps: `u32` for rings up to 32 bits, `u64` above.
pub trait Wrapping: Copy + Default + Send + Sync + 'static {
    /// a + b·c, wrapping.
    fn multiply_add(a: Self, b: Self, c: Self) -> Self;
    /// c += a·b for row-major `rows` × `inner` and `inner` × `columns` matrices, on the best instruction set
    /// present.
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

/// Rows of a tile.
const TILE_ROWS: usize = 4;
/// Depth of a panel, which then stays in the second-level cache.
const DEPTH: usize = 256;

/// By tiles of `WIDE` columns, or of `NARROW` where there are no more.
#[inline(always)]
fn matmul_tiled<T: Wrapping, const WIDE: usize, const NARROW: usize>(
    dims: Dims,
    a: &[T],
    b: &[T],
    c: &mut [T],
) {
    dims.check(a.len(), b.len(), c.len());
    match dims.columns {
        1 => matvec(dims, a, b, c),
        columns if columns <= NARROW => by_panels::<T, NARROW>(dims, a, b, c),
        _ => by_panels::<T, WIDE>(dims, a, b, c),
    }
}

/// Panels of N columns of B, copied together, serve all rows: so the sums of a tile of C stay in registers,
/// whatever the columns. What a last panel lacks is zero.
#[inline(always)]
fn by_panels<T: Wrapping, const N: usize>(dims: Dims, a: &[T], b: &[T], c: &mut [T]) {
    let Dims { rows, inner, columns } = dims;
    let mut panel = vec![[T::default(); N]; DEPTH.min(inner)];
    for first in (0..columns).step_by(N) {
        let width = N.min(columns - first);
        panel.fill([T::default(); N]);
        for k0 in (0..inner).step_by(DEPTH) {
            let depth = DEPTH.min(inner - k0);
            for (k, row) in panel[..depth].iter_mut().enumerate() {
                row[..width].copy_from_slice(&b[(k0 + k) * columns + first..][..width]);
            }
            let panel = &panel[..depth];
            let row = |i: usize| &a[i * inner + k0..][..depth];
            let whole = rows - rows % TILE_ROWS;
            for i in (0..whole).step_by(TILE_ROWS) {
                let rows: [&[T]; TILE_ROWS] = std::array::from_fn(|r| row(i + r));
                tile(rows, panel, &mut c[i * columns + first..], columns, width);
            }
            for i in whole..rows {
                tile([row(i)], panel, &mut c[i * columns + first..], columns, width);
            }
        }
    }
}

/// Adds R rows of A times a panel to the first `width` columns of R rows of `c`, `stride` apart.
#[inline(always)]
fn tile<T: Wrapping, const R: usize, const N: usize>(
    a: [&[T]; R],
    panel: &[[T; N]],
    c: &mut [T],
    stride: usize,
    width: usize,
) {
    let mut sums = [[T::default(); N]; R];
    for (k, b) in panel.iter().enumerate() {
        for r in 0..R {
            let f = a[r][k];
            for n in 0..N {
                sums[r][n] = T::multiply_add(sums[r][n], f, b[n]);
            }
        }
    }
    let one = T::from_u64(1);
    for (r, sums) in sums.into_iter().enumerate() {
        for (c, sum) in c[r * stride..][..width].iter_mut().zip(sums) {
            *c = T::multiply_add(*c, sum, one);
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
    // Columns of tiles: wide as the registers hold for a tile's rows, and narrow.
    ($type:ty, $avx512:ident $wide512:literal $narrow512:literal, $avx2:ident $wide2:literal $narrow2:literal, $wide:literal $narrow:literal) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
        fn $avx512(dims: Dims, a: &[$type], b: &[$type], c: &mut [$type]) {
            matmul_tiled::<_, $wide512, $narrow512>(dims, a, b, c);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn $avx2(dims: Dims, a: &[$type], b: &[$type], c: &mut [$type]) {
            matmul_tiled::<_, $wide2, $narrow2>(dims, a, b, c);
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
                matmul_tiled::<_, $wide, $narrow>(dims, a, b, c);
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

wrapping!(u32, matmul_u32_avx512 64 16, matmul_u32_avx2 16 8, 16 4);
wrapping!(u64, matmul_u64_avx512 16 8, matmul_u64_avx2 8 4, 4 2);

#[cfg(test)]
mod tests {
    use super::*;

    /// The product by its definition.
    fn matmul_naive<T: Wrapping>(dims: Dims, a: &[T], b: &[T], c: &mut [T]) {
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

    fn check<T: Wrapping + PartialEq + std::fmt::Debug>() {
        for (rows, inner, columns) in [
            (1, 1, 1),
            (4, 3, 5),
            (5, 129, 513),
            (9, 17, 1),
            (3, 40, 1),
            (8, 600, 33),
            (7, 257, 64),
            (6, 300, 2),
            (2, 0, 3),
        ] {
            let dims = Dims { rows, inner, columns };
            let fill = |n: usize, salt: u64| -> Vec<T> {
                (0..n as u64).map(|i| T::from_u64((i + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
            };
            let (a, b, start) = (fill(rows * inner, 1), fill(inner * columns, 2), fill(rows * columns, 3));
            let (mut portable, mut chosen, mut naive) = (start.clone(), start.clone(), start);
            matmul_tiled::<_, 8, 4>(dims, &a, &b, &mut portable);
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
