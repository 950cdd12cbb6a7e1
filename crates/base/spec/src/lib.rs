//! What every operation means, in cleartext, bit for bit: the law the protocols are held to.
