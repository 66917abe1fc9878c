//! A damaged write-ahead log. SQLite reads its log up to the first frame that is not as it was written, and takes what
//! follows for the rest of a commit that a power cut broke off. But if whole commits follow, they were on disk before
//! that, and so promised to callers: then it is the disk that has lost something, and the log is mended around it.
//!
//! The format of the log: <https://sqlite.org/fileformat2.html#the_write_ahead_log>

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

/// Bytes before the first frame, and before each frame's page.
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Logs are not longer, in pages: SQLite begins them anew after a thousand or so, but for one that somebody reads.
const MOST_FRAMES: usize = 1 << 20;

/// Complete commits after a frame that prove that it was once on disk. The last one may itself be broken off, with its
/// frames in any order.
const PROOF: usize = 2;

/// What was mended.
pub(super) struct Mended {
    /// Frames that are gone.
    pub(super) frames: usize,
    /// Commits that would have been lost with them.
    pub(super) commits: usize,
}

/// One frame, as far as it is to be judged.
#[derive(Clone, Copy)]
struct Frame {
    whole: bool,
    commits: bool,
}

/// Writes a log without its damaged frames to `mended`. `None`: there is nothing to mend, and `mended` is not made.
pub(super) fn mend(log: &Path, mended: &Path) -> io::Result<Option<Mended>> {
    let file = match File::open(log) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let Some((head, frames)) = look_through(BufReader::with_capacity(1 << 16, file))? else { return Ok(None) };
    let Some((keep, done)) = plan(&frames) else { return Ok(None) };
    write(&head, &keep, BufReader::new(File::open(log)?), File::create(mended)?)?;
    Ok(Some(done))
}

/// Which frames are kept, should any damaged one stand before commits that were on disk.
fn plan(frames: &[Frame]) -> Option<(Vec<bool>, Mended)> {
    let mut commits_after = 0;
    let mut keep = vec![false; frames.len()];
    let (mut end, mut damaged, mut saved) = (frames.len(), 0, 0);
    for (at, frame) in frames.iter().enumerate().rev() {
        if frame.whole {
            commits_after += usize::from(frame.commits);
            if let Some(keep) = keep.get_mut(at) {
                *keep = true;
            }
        } else if commits_after < PROOF {
            // The log ends here, or before.
            (end, commits_after) = (at, 0);
        } else {
            (damaged, saved) = (damaged + 1, commits_after);
        }
    }
    keep.truncate(end);
    (damaged > 0).then_some((keep, Mended { frames: damaged, commits: saved }))
}

/// The log's own header.
struct Head {
    bytes: [u8; HEADER],
    page: usize,
    big_endian: bool,
}

impl Head {
    fn salt(&self) -> &[u8] {
        self.bytes.get(16..24).unwrap_or_default()
    }

    fn checksum(&self, seed: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        bytes.chunks_exact(8).fold(seed, |(one, two), pair| {
            let word = |from: usize| number(pair, from, self.big_endian);
            let one = one.wrapping_add(word(0)).wrapping_add(two);
            (one, two.wrapping_add(word(4)).wrapping_add(one))
        })
    }
}

fn number(bytes: &[u8], from: usize, big_endian: bool) -> u32 {
    let bytes = bytes.get(from..from + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

fn look_through(mut log: impl Read) -> io::Result<Option<(Head, Vec<Frame>)>> {
    let mut bytes = [0; HEADER];
    if !fill(&mut log, &mut bytes)? {
        return Ok(None);
    }
    let page = usize::try_from(number(&bytes, 8, true)).unwrap_or(0);
    let head = Head { bytes, page, big_endian: number(&bytes, 0, true) & 1 == 1 };
    let stored = (number(&bytes, 24, true), number(&bytes, 28, true));
    let sum = head.checksum((0, 0), bytes.get(..24).unwrap_or_default());
    if sum != stored || !page.is_power_of_two() || !(512..=65_536).contains(&page) {
        // Written before the first commit, and never since: SQLite begins a new log.
        return Ok(None);
    }
    let (mut seed, mut frames) = (stored, Vec::new());
    let mut frame = vec![0; FRAME_HEADER + page];
    while frames.len() < MOST_FRAMES && fill(&mut log, &mut frame)? {
        let (of, content) = frame.split_at(FRAME_HEADER);
        let stored = (number(of, 16, true), number(of, 20, true));
        let sum = head.checksum(head.checksum(seed, of.get(..8).unwrap_or_default()), content);
        let whole = sum == stored && of.get(8..16) == Some(head.salt());
        frames.push(Frame { whole, commits: number(of, 4, true) > 0 });
        // Each frame is judged by what stands in the one before it, so that one damaged frame condemns no other.
        seed = stored;
    }
    Ok(Some((head, frames)))
}

fn write(head: &Head, keep: &[bool], mut log: impl Read, mended: File) -> io::Result<()> {
    let mut out = BufWriter::new(mended);
    let mut first = [0; HEADER];
    log.read_exact(&mut first)?;
    out.write_all(&first)?;
    let mut seed = (number(&first, 24, true), number(&first, 28, true));
    let mut frame = vec![0; FRAME_HEADER + head.page];
    for keep in keep {
        log.read_exact(&mut frame)?;
        if !keep {
            continue;
        }
        let (of, content) = frame.split_at_mut(FRAME_HEADER);
        seed = head.checksum(head.checksum(seed, of.get(..8).unwrap_or_default()), content);
        if let Some(sum) = of.get_mut(16..24) {
            sum.copy_from_slice(&[seed.0.to_be_bytes(), seed.1.to_be_bytes()].concat());
        }
        out.write_all(&frame)?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Fills the buffer; says whether there was enough.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// Puts the mended log in the place of the damaged one, which is kept as `aside`.
pub(super) fn replace(log: &Path, mended: &Path, aside: &Path) -> io::Result<()> {
    fs::hard_link(log, aside)?;
    fs::rename(mended, log)
}
