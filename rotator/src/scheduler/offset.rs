//! Numbers that follow from a name, the same in every process and with every compiler.

use std::time::Duration;

/// The place of a rotation within its spread.
pub(super) fn of(name: &str, spread: Duration) -> Duration {
    let spread = u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX);
    let hash = mixed(name, 0);
    Duration::from_nanos(spread.checked_add(1).map_or(hash, |places| hash % places))
}

/// A number from 0 to 65535 for a try of a rotation.
pub(super) fn jitter(name: &str, attempt: u32) -> u32 {
    // The upper bits, which depend on all of the input.
    u32::from(u16::try_from(mixed(name, attempt) >> 48).unwrap_or_default())
}

/// FNV-1a, with the finish of MurmurHash3: without it, names that differ in their last letter would lie close together.
fn mixed(name: &str, salt: u32) -> u64 {
    let bytes = name.bytes().chain(salt.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_name_never_changes() {
        let hour = Duration::from_hours(1);
        assert_eq!(of("zscaler-corp", hour).as_secs(), OF_ZSCALER_CORP);
        assert_eq!(of("zscaler-corp", Duration::ZERO), Duration::ZERO);
        assert!(of("zscaler-corp", Duration::MAX) > hour);
    }

    #[test]
    fn similar_names_are_spread_evenly() {
        let mut minutes = [0; 60];
        for number in 0..6000 {
            let offset = of(&format!("rotation-{number:04}"), Duration::from_hours(1));
            minutes[usize::try_from(offset.as_secs() / 60).unwrap().min(59)] += 1;
        }
        assert!(minutes.iter().all(|count| (60..150).contains(count)), "{minutes:?}");
    }

    const OF_ZSCALER_CORP: u64 = 3171;
}
