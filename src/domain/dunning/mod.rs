//! The decision: who is reminded, of what, when and how firmly; and who is left in peace.
