//! Pages of names.

use gossamer_proto::limits::LIST_PAGE;
use gossamer_proto::name;
use gossamer_proto::v1::{self, Code, outcome};

use super::Verdict;
use crate::storage::catalogue::Catalogue;

/// One page; `limit` 0, or beyond [`LIST_PAGE`], is a full page. Blocks.
pub(super) fn list(catalogue: &Catalogue, list: &v1::List) -> Verdict {
    if let Err(error) = name::check_prefix(&list.prefix).and_then(|()| name::check_prefix(&list.after)) {
        return Verdict::failed(Code::Invalid, error);
    }
    match catalogue.list(&list.prefix, &list.after, page(list.limit)) {
        Ok((files, more)) => {
            let files = name::shared::shorten(files);
            Verdict::Done(outcome::Kind::Listing(v1::Listing { files, more }))
        }
        // The catalogue of this node, which is being replaced or has failed: others have theirs.
        Err(error) => Verdict::elsewhere(error),
    }
}

fn page(limit: u32) -> usize {
    match limit as usize {
        0 => LIST_PAGE,
        limit => limit.min(LIST_PAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No page is empty for want of a limit, and none is larger than the wire allows.
    #[test]
    fn pages_are_bounded() {
        assert_eq!([0, 1, 1000, 1001, u32::MAX].map(page), [LIST_PAGE, 1, 1000, LIST_PAGE, LIST_PAGE]);
    }
}
