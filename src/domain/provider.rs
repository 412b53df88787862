//! What every provider account has, whichever provider it is at. Their kinds, settings and wire contracts live in `outbound`.

crate::words! {
    /// Whether an account at a provider is used.
    pub enum ProviderAccountState {
        /// Messages go through it.
        Active = "active",
        /// Nothing is sent through it; receipts of what was sent before are still taken.
        Disabled = "disabled",
    }
}
