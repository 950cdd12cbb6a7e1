//! What both vector kernels take: their shell, and blocks by quarters.

/// Makes `$kernel` a [`Kernel`](super::tables::Kernel) by the functions of the modules `transform` and `sums`
/// beside the call. They are compiled for vector instructions, so `$kernel` must be a proof that the
/// processor has them.
macro_rules! vector_kernel {
    ($kernel:ident, $name:literal) => {
        vector_kernel! {
            $kernel, $name;
            transform::forward(ntt: &Ntt, values: &mut [u64]);
            transform::inverse(ntt: &Ntt, values: &mut [u64]);
            sums::multiply_accumulate(sums: &mut [Sums; 2], factors: [&[u64]; 2], w: &[u64]);
            sums::reduce(ntt: &Ntt, sums: &Sums, out: &mut [u64]);
            sums::scale(ntt: &Ntt, values: &mut [u64], w: Shoup);
            sums::multiply(ntt: &Ntt, values: &mut [u64], w: &[u64]);
            sums::combine(ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]);
        }
    };
    ($kernel:ident, $name:literal; $($module:ident::$function:ident($($argument:ident: $type:ty),*);)*) => {
        impl Kernel for $kernel {
            fn name(&self) -> &'static str {
                $name
            }

            $(fn $function(&self, $($argument: $type),*) {
                // SAFETY: `self` proves that the processor has the features the function is compiled for.
                unsafe { $module::$function($($argument),*) }
            })*
        }
    };
}
pub(super) use vector_kernel;

/// The registers of `LANES` words at equal places of the four quarters of a block.
pub(super) fn quarters<const LANES: usize>(
    block: &mut [u64],
) -> impl Iterator<Item = [&mut [u64; LANES]; 4]> {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let (a, b) = low.split_at_mut(low.len() / 2);
    let (c, d) = high.split_at_mut(high.len() / 2);
    let registers = |quarter| <[u64]>::as_chunks_mut::<LANES>(quarter).0.iter_mut();
    registers(a).zip(registers(b)).zip(registers(c).zip(registers(d))).map(|((a, b), (c, d))| [a, b, c, d])
}
