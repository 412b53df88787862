//! The texts that ship with the product.
