//! Other systems' files as customers, invoices and payments. Pure: a row of cells in, values or faults out.

mod amount;
pub mod csv;
