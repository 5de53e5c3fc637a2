//! Arguments by name, held against the gateway's description of the action before anything is sent.

use super::select::{list, means};
use super::{Action, Argument};
use crate::endpoint::Answer;
use crate::error::InvalidRequest;

/// The arguments in the order and the spelling of the description, each of its type and within what is allowed.
pub(super) fn check(action: &Action, given: &[(&str, &str)]) -> Result<Vec<(String, String)>, InvalidRequest> {
    for (index, (name, _)) in given.iter().enumerate() {
        let Some(argument) = action.takes.iter().find(|argument| means(name, &argument.name)) else {
            return Err(wrong(name, format!("the action takes {}", names(&action.takes))));
        };
        if given[..index].iter().any(|(earlier, _)| means(earlier, &argument.name)) {
            return Err(wrong(&argument.name, "it is given twice"));
        }
    }
    let checked = action.takes.iter().map(|argument| {
        let given = given.iter().find(|(name, _)| means(name, &argument.name));
        let (_, text) = given.ok_or_else(|| {
            let problem = format!("it is missing; the action takes {}", names(&action.takes));
            wrong(&argument.name, problem)
        })?;
        let text = argument.check(text).map_err(|problem| wrong(&argument.name, problem))?;
        Ok((argument.name.clone(), text))
    });
    checked.collect()
}

/// The answer in the order and the spelling of the description, followed by what is not in it. Nothing, if the answer
/// was cut off and lacks something.
pub(super) fn arrange(action: &Action, answer: Answer) -> Option<Vec<(String, String)>> {
    let mut came = answer.arguments;
    if let ([(name, _)], [only]) = (came.as_mut_slice(), action.gives.as_slice())
        && name.is_empty()
    {
        name.clone_from(&only.name);
    }
    let mut arranged = Vec::with_capacity(came.len());
    for argument in &action.gives {
        match came.iter().position(|(name, _)| means(name, &argument.name)) {
            Some(index) => arranged.push((argument.name.clone(), came.remove(index).1)),
            None if answer.complete => {}
            None => return None,
        }
    }
    arranged.extend(came);
    Some(arranged)
}

impl Argument {
    /// The text as it is sent, or what is wrong with it.
    fn check(&self, text: &str) -> Result<String, String> {
        let text = self.check_type(text)?;
        if !self.allowed_values.is_empty() {
            let exact = self.allowed_values.iter().find(|allowed| **allowed == text);
            let similar = || {
                self.allowed_values
                    .iter()
                    .find(|allowed| allowed.eq_ignore_ascii_case(text.trim()))
            };
            let allowed = exact.or_else(similar);
            return allowed
                .cloned()
                .ok_or_else(|| format!("it must be one of {}", list(self.allowed_values.iter().cloned())));
        }
        let Some((minimum, maximum)) = &self.allowed_range else {
            return Ok(text);
        };
        // A range that is none, as some gateways have it, allows all.
        match (text.parse::<i128>(), minimum.parse::<i128>(), maximum.parse::<i128>()) {
            (Ok(number), Ok(low), Ok(high)) if low <= high && !(low..=high).contains(&number) => {
                Err(format!("it must be within {minimum} and {maximum}"))
            }
            _ => Ok(text),
        }
    }

    /// By the data types of the architecture that restrict the text; gateways have others, whose texts are theirs.
    fn check_type(&self, text: &str) -> Result<String, String> {
        let integer = |low: i128, high: i128| {
            let number: Option<i128> = text.trim().parse().ok();
            match number {
                Some(number) if (low..=high).contains(&number) => Ok(number.to_string()),
                _ => Err(format!("it must be a whole number within {low} and {high}")),
            }
        };
        match self.data_type.to_ascii_lowercase().as_str() {
            "ui1" => integer(0, u8::MAX.into()),
            "ui2" => integer(0, u16::MAX.into()),
            "ui4" => integer(0, u32::MAX.into()),
            "ui8" => integer(0, u64::MAX.into()),
            "i1" => integer(i8::MIN.into(), i8::MAX.into()),
            "i2" => integer(i16::MIN.into(), i16::MAX.into()),
            "i4" => integer(i32::MIN.into(), i32::MAX.into()),
            "i8" | "int" => integer(i64::MIN.into(), i64::MAX.into()),
            "r4" | "r8" | "number" | "float" | "fixed.14.4" => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(text.trim().to_owned()),
                _ => Err("it must be a number".to_owned()),
            },
            // The forms that every gateway understands.
            "boolean" => match text.trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" => Ok("1".to_owned()),
                "0" | "false" | "no" => Ok("0".to_owned()),
                _ => Err("it must be 1 or 0".to_owned()),
            },
            "char" if text.chars().count() != 1 => Err("it must be one character".to_owned()),
            _ => Ok(text.to_owned()),
        }
    }
}

fn names(arguments: &[Argument]) -> String {
    list(arguments.iter().map(|argument| argument.name.clone()))
}

fn wrong(argument: &str, problem: impl Into<String>) -> InvalidRequest {
    InvalidRequest::Argument {
        argument: argument.to_owned(),
        problem: problem.into(),
    }
}
