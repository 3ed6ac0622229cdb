//! What is fetched: its value, whether an answer is due, what went wrong last, how old it is. The one place where an answer
//! that comes too late is dropped.

use crate::store::StoreError;

/// Tells the answer to one request from those to others for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ticket(pub u64);

/// Something that is fetched. A value stays while a newer one is on its way, and where that fails.
#[derive(Debug)]
pub struct Remote<T, E = StoreError> {
    value: Option<T>,
    /// What the last answer was, if it was none.
    error: Option<E>,
    /// Of the last request.
    ticket: Ticket,
    is_waiting: bool,
    /// When the value came, in milliseconds since the epoch.
    as_of: Option<i64>,
}

impl<T, E> Default for Remote<T, E> {
    fn default() -> Self {
        Self { value: None, error: None, ticket: Ticket::default(), is_waiting: false, as_of: None }
    }
}

impl<T, E> Remote<T, E> {
    /// A request; answers to earlier ones are late from now on.
    pub fn ask(&mut self) -> Ticket {
        self.ticket.0 += 1;
        self.is_waiting = true;
        self.ticket
    }

    /// Whether it is the last request that this answers, and an answer is still due.
    pub fn awaits(&self, ticket: Ticket) -> bool {
        self.is_waiting && ticket == self.ticket
    }

    /// Takes an answer; false if it is late, and dropped.
    pub fn take(&mut self, ticket: Ticket, answer: Result<T, E>, now: i64) -> bool {
        let is_awaited = self.hear(ticket, answer, now);
        self.is_waiting &= !is_awaited;
        is_awaited
    }

    /// Takes one answer of several; false if it is late, and dropped.
    pub fn hear(&mut self, ticket: Ticket, answer: Result<T, E>, now: i64) -> bool {
        if !self.awaits(ticket) {
            return false;
        }
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.error = None;
                self.as_of = Some(now);
            }
            Err(error) => self.error = Some(error),
        }
        true
    }

    /// Nothing is asked for: this is wrong already.
    pub fn fail(&mut self, error: E) {
        self.forget();
        self.error = Some(error);
    }

    /// The last request.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// The value is as it is in the store.
    pub fn confirm(&mut self, now: i64) {
        self.error = None;
        self.as_of = Some(now);
    }

    /// Nobody answers what was asked for last; the value stays.
    pub fn cancel(&mut self) {
        self.ticket.0 += 1;
        self.is_waiting = false;
    }

    /// Neither the value counts any more nor an answer that is on its way.
    pub fn forget(&mut self) {
        *self = Self { ticket: Ticket(self.ticket.0 + 1), ..Self::default() };
    }

    /// The same that knows nothing; answers to what was asked before are late.
    pub fn forgotten(mut self) -> Self {
        self.forget();
        self
    }

    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// To be shown in another way; it stays the same answer.
    pub fn value_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }

    /// Why the last request came to nothing, if it did.
    pub fn error(&self) -> Option<&E> {
        self.error.as_ref()
    }

    /// The last answer: what went wrong, or else the value.
    pub fn answer(&self) -> Option<Result<&T, &E>> {
        self.error.as_ref().map(Err).or(self.value.as_ref().map(Ok))
    }

    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Whether it was asked for, or is known.
    pub fn is_asked(&self) -> bool {
        self.is_waiting || self.value.is_some() || self.error.is_some()
    }

    /// When the value came, or was confirmed, in milliseconds since the epoch.
    pub fn as_of(&self) -> Option<i64> {
        self.as_of
    }

    /// Milliseconds since the value came.
    pub fn age(&self, now: i64) -> Option<i64> {
        self.as_of.map(|as_of| now - as_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_is_dropped_and_a_value_stays_until_there_is_a_newer_one() {
        let mut remote: Remote<&str, &str> = Remote::default();
        assert!(!remote.is_asked());
        let first = remote.ask();
        let second = remote.ask();
        assert!(!remote.take(first, Ok("late"), 1));
        assert!(remote.is_waiting() && remote.value().is_none());
        assert!(remote.take(second, Ok("a"), 2));
        assert!(!remote.take(second, Ok("twice"), 3), "no answer is due any more");
        assert_eq!((remote.value(), remote.age(10)), (Some(&"a"), Some(8)));
        let third = remote.ask();
        assert_eq!(remote.value(), Some(&"a"));
        assert!(remote.take(third, Err("away"), 11));
        assert_eq!((remote.value(), remote.error(), remote.age(12)), (Some(&"a"), Some(&"away"), Some(10)));
        let fourth = remote.ask();
        remote.forget();
        assert!(!remote.take(fourth, Ok("of what was before"), 13));
        assert!(remote.value().is_none() && !remote.is_asked());
    }

    #[test]
    fn of_several_answers_each_counts_until_another_request() {
        let mut remote: Remote<u8, &str> = Remote::default();
        let ticket = remote.ask();
        assert!(remote.hear(ticket, Ok(1), 1) && remote.hear(ticket, Ok(2), 2));
        assert_eq!(remote.value(), Some(&2));
        remote.ask();
        assert!(!remote.hear(ticket, Ok(3), 3));
    }
}
