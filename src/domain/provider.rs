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

crate::words! {
    /// What a provider said when it was asked whether an account is good.
    pub enum CheckResult {
        /// It knows the account.
        Fine = "fine",
        /// It refuses the account's credentials or settings.
        Refused = "refused",
        /// It could not be asked.
        Unreachable = "unreachable",
        /// It cannot be asked without sending something: send a test message.
        NotOffered = "not_offered",
    }
}

crate::words! {
    /// Whether calls of an account pass.
    pub enum Breaker {
        /// They pass.
        Closed = "closed",
        /// Too many failed: none passes before the pause is over.
        Open = "open",
        /// The pause is over: the next call tries whether it works again.
        HalfOpen = "half_open",
    }
}

crate::words! {
    /// What a look-up of a message in doubt led to.
    pub enum LookupFinding {
        /// The provider took the message: the doubt is over.
        Taken = "taken",
        /// The provider knows of no such message, at least not yet. That proves nothing: it may list it later.
        Absent = "absent",
        /// The question was not answered.
        Failed = "failed",
        /// The provider cannot be asked about this message.
        NotOffered = "not_offered",
    }
}

/// Where an account stands in the order in which accounts are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The lowest is tried first.
    pub priority: i32,
    /// Its share of the messages among accounts of the same priority; at least 1.
    pub weight: i32,
}

/// The places of `accounts` in the order in which a message with this `seed` tries them: by priority, and within one by lot, where an account of weight 3 comes first three
/// times as often as one of weight 1. The same seed draws the same lot.
pub fn in_turn(accounts: &[Standing], seed: u64) -> Vec<usize> {
    let mut left: Vec<(usize, Standing)> = accounts.iter().copied().enumerate().collect();
    left.sort_by_key(|(_, one)| one.priority);
    let mut order = Vec::with_capacity(left.len());
    while let Some(first) = left.first().map(|(_, one)| one.priority) {
        let equals =
            || left.iter().take_while(|(_, one)| one.priority == first).map(|(_, one)| u64::from(one.weight.max(1).unsigned_abs()));
        let mut ticket = mixed(seed, left.len()).checked_rem(equals().sum()).unwrap_or(0);
        let drawn = equals().position(|weight| {
            let mine = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            mine
        });
        order.push(left.remove(drawn.unwrap_or(0)).0);
    }
    order
}

/// One of many independent numbers of a seed (the finaliser of splitmix64).
fn mixed(seed: u64, place: usize) -> u64 {
    let step = u64::try_from(place).unwrap_or(u64::MAX).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let first = seed.wrapping_add(step);
    let second = (first ^ (first >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let third = (second ^ (second >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    third ^ (third >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(of: &[(i32, i32)]) -> Vec<Standing> {
        of.iter().map(|(priority, weight)| Standing { priority: *priority, weight: *weight }).collect()
    }

    #[test]
    fn priority_comes_before_weight_and_every_account_has_its_turn() {
        let of = accounts(&[(1, 1), (1, 100), (2, 100), (9, 1)]);
        for seed in 0..1_000 {
            let order = in_turn(&of, seed);
            assert_eq!(order, in_turn(&of, seed), "the same lot");
            assert!(order[..2].contains(&0) && order[..2].contains(&1) && order[2..] == [2, 3], "{order:?}");
        }
        assert_eq!(in_turn(&[], 7), Vec::<usize>::new());
    }

    #[test]
    fn messages_fall_to_equals_in_proportion_to_their_weights() {
        let of = accounts(&[(5, 1), (5, 3), (5, 6)]);
        let mut first = [0u32; 3];
        for seed in 0..100_000u64 {
            first[in_turn(&of, seed.wrapping_mul(0x0123_4567_89AB_CDEF))[0]] += 1;
        }
        for (count, expected) in first.iter().zip([10_000u32, 30_000, 60_000]) {
            assert!(count.abs_diff(expected) < 1_000, "{first:?}");
        }
    }
}
