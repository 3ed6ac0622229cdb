//! Many rows at once: `COPY … TO STDOUT` in its binary form, of which nothing is made before it is needed.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::sync::mpsc::Sender;

use super::connection::Connection;
use crate::store::{ErrorKind, Inner, RunBatch};

/// How long the next rows are waited for: a database may sort before it sends.
const SILENCE: Duration = Duration::from_secs(1_800);
/// What every such answer begins with.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The cells of a row; nothing where there is none.
pub type Fields<'a, const N: usize> = [Option<&'a [u8]>; N];

/// Whoever reads the batches may stop listening; then a scan ends early and quietly.
pub struct Gone;

/// Takes rows apart as they come, wherever a part of the answer ends.
#[derive(Default)]
struct Parser {
    /// What was left of the part before.
    rest: Vec<u8>,
    is_begun: bool,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

impl Parser {
    /// The bytes of the head, once they are all there.
    fn head(bytes: &[u8]) -> Result<Option<usize>, ErrorKind> {
        let Some(more) = number::<4>(bytes, SIGNATURE.len() + 4) else { return Ok(None) };
        if !bytes.starts_with(SIGNATURE) {
            return Err(broken());
        }
        let end = SIGNATURE.len() + 8 + u32::from_be_bytes(more) as usize;
        Ok((bytes.len() >= end).then_some(end))
    }

    /// Hands on the whole rows of a part.
    fn feed<const N: usize>(&mut self, part: &[u8], take: &mut impl FnMut(Fields<'_, N>)) -> Inner<()> {
        if self.rest.is_empty() {
            let used = self.rows(part, take)?;
            self.rest.extend_from_slice(&part[used..]);
            return Ok(());
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(part);
        let used = self.rows(&rest, take)?;
        rest.drain(..used);
        self.rest = rest;
        Ok(())
    }

    /// How many bytes whole rows took.
    fn rows<const N: usize>(&mut self, bytes: &[u8], take: &mut impl FnMut(Fields<'_, N>)) -> Inner<usize> {
        let mut used = 0;
        if !self.is_begun {
            let Some(end) = Self::head(bytes)? else { return Ok(0) };
            self.is_begun = true;
            used = end;
        }
        while let Some(count) = number::<2>(bytes, used) {
            let count = i16::from_be_bytes(count);
            if count == -1 {
                return Ok(bytes.len());
            }
            if count as usize != N {
                return Err(broken());
            }
            let mut at = used + 2;
            let mut fields: Fields<'_, N> = [None; N];
            for field in &mut fields {
                let Some(length) = number::<4>(bytes, at) else { return Ok(used) };
                at += 4;
                let length = i32::from_be_bytes(length);
                if length >= 0 {
                    let Some(cell) = bytes.get(at..at + length as usize) else { return Ok(used) };
                    *field = Some(cell);
                    at += length as usize;
                }
            }
            take(fields);
            used = at;
        }
        Ok(used)
    }
}

fn broken() -> ErrorKind {
    ErrorKind::Database("rows that cannot be taken apart".into())
}

impl Connection {
    /// Reads the rows of a query. `take` makes of them what is sent, whenever that is enough for a batch.
    pub fn copy<const N: usize>(
        &mut self,
        query: &str,
        sink: &Sender<RunBatch>,
        mut take: impl FnMut(Fields<'_, N>) -> Option<RunBatch>,
    ) -> Inner<Result<(), Gone>> {
        let statement = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
        let copied = self.wait_long(async |client| {
            let mut parts = pin!(client.copy_out(&statement).await?);
            let mut parser = Parser::default();
            let mut full: Vec<RunBatch> = Vec::new();
            loop {
                let Ok(part) = tokio::time::timeout(SILENCE, parts.try_next()).await else {
                    return Ok(Err(ErrorKind::Timeout(SILENCE.as_secs())));
                };
                let Some(part) = part? else { break };
                if let Err(error) = parser.feed(&part, &mut |fields| full.extend(take(fields))) {
                    return Ok(Err(error));
                }
                for batch in full.drain(..) {
                    if sink.send(batch).await.is_err() {
                        return Ok(Ok(Err(Gone)));
                    }
                }
            }
            Ok(Ok(Ok(())))
        })?;
        if !matches!(copied, Ok(Ok(()))) {
            // The rest is still to come.
            self.give_up();
        }
        copied
    }
}

pub fn text(field: Option<&[u8]>) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(field.unwrap_or_default())
}

pub fn int(field: Option<&[u8]>) -> Option<i64> {
    Some(i64::from_be_bytes(field?.try_into().ok()?))
}

pub fn real(field: Option<&[u8]>) -> f64 {
    field.and_then(|field| field.try_into().ok()).map_or(f64::NAN, f64::from_be_bytes)
}

pub fn truth(field: Option<&[u8]>) -> bool {
    field.is_some_and(|field| field == [1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 2, 9, 9]);
        for (text, value) in [("a", Some(1.5_f64)), ("größe", None)] {
            bytes.extend(2_i16.to_be_bytes());
            bytes.extend((text.len() as i32).to_be_bytes());
            bytes.extend(text.as_bytes());
            match value {
                Some(value) => {
                    bytes.extend(8_i32.to_be_bytes());
                    bytes.extend(value.to_be_bytes());
                }
                None => bytes.extend((-1_i32).to_be_bytes()),
            }
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    #[test]
    fn rows_are_found_wherever_a_part_ends() {
        let bytes = answer();
        for length in 1..=bytes.len() {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for part in bytes.chunks(length) {
                let mut take = |[key, value]: Fields<'_, 2>| {
                    found.push((text(key).into_owned(), value.map(|_| real(value).to_string())));
                };
                parser.feed(part, &mut take).unwrap();
            }
            let wanted = [("a".to_owned(), Some("1.5".to_owned())), ("größe".to_owned(), None)];
            assert_eq!(found, wanted, "parts of {length}");
        }
    }

    #[test]
    fn what_is_no_such_answer_is_refused() {
        let mut ignored = |_: Fields<'_, 3>| ();
        assert!(Parser::default().feed(&answer(), &mut ignored).is_err(), "of two columns");
        assert!(Parser::default().feed(&[b'x'; 40], &mut ignored).is_err());
    }
}
