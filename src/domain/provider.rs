//! What provider accounts have in common, whichever provider they are at. Their kinds, settings and wire contracts live in `outbound`.

crate::words! {
    /// Whether an account at a provider is used.
    pub enum ProviderAccountState {
        /// Messages go through it.
        Active = "active",
        /// Nothing is sent through it; receipts of what was sent before are still taken.
        Disabled = "disabled",
    }
}

crate::words! {
    /// How a provider's receipts are authenticated.
    pub enum ReceiptSignature {
        /// It sends no receipts.
        NoReceipts = "no_receipts",
        /// HMAC-SHA256 as Standard Webhooks says.
        StandardWebhooks = "standard_webhooks",
        /// HMAC-SHA1 over the public URL and the form.
        UrlAndForm = "url_and_form",
        /// HMAC-SHA256 with a secret of the account.
        HmacSha256 = "hmac_sha256",
        /// ECDSA on the curve P-256, with the provider's key for the account.
        Ecdsa = "ecdsa",
        /// A signed token that names the digest of what it came with.
        Jwt = "jwt",
        /// RSA, with a certificate of the provider.
        Certificate = "certificate",
        /// A secret header.
        SecretHeader = "secret_header",
        /// The provider signs nothing: the path, which nobody can guess, is the credential.
        SecretPath = "secret_path",
    }
}
