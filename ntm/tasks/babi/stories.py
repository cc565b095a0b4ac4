"""Stories with questions, and the bAbI text format they are written in and read from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Question:
    """A question to a story.

    Attributes:
        text: with its question mark
        answer: one word, or several joined by commas (tasks 8 and 19)
        support: indices of the sentences that the answer rests on, from 0, in order of reasoning
        position: number of sentences before the question
    """

    text: str
    answer: str
    support: tuple[int, ...]
    position: int


@dataclass(frozen=True)
class Story:
    """Sentences in order and the questions asked between them."""

    sentences: tuple[str, ...]
    questions: tuple[Question, ...]

    def before(self, question: Question) -> tuple[str, ...]:
        """The sentences that a reader has seen when `question` comes."""
        return self.sentences[: question.position]


@dataclass
class Draft:
    """A story that is being written."""

    sentences: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def tell(self, sentence: str) -> int:
        """Append a sentence; its first letter becomes a capital. Returns its index."""
        self.sentences.append(sentence[0].upper() + sentence[1:])
        return len(self.sentences) - 1

    def ask(self, text: str, answer: str, support: Sequence[int]) -> None:
        """Append a question about the sentences so far."""
        self.questions.append(Question(text, answer, tuple(support), len(self.sentences)))

    def story(self) -> Story:
        """The finished story."""
        return Story(tuple(self.sentences), tuple(self.questions))


def write(stories: Iterable[Story]) -> Iterator[str]:
    """The lines of a bAbI file: `ID sentence` or `ID question<TAB>answer<TAB>supporting IDs`.

    IDs count sentences and questions from 1 and start again with every story.
    """
    for story in stories:
        ids = sentence_ids(story)
        questions = list(story.questions)
        line = 0
        for index in range(len(story.sentences) + 1):
            while questions and questions[0].position == index:
                question = questions.pop(0)
                line += 1
                support = " ".join(str(ids[i]) for i in question.support)
                yield f"{line} {question.text}\t{question.answer}\t{support}"
            if index < len(story.sentences):
                line += 1
                yield f"{line} {story.sentences[index]}"


def sentence_ids(story: Story) -> list[int]:
    """The ID in the text format of every sentence."""
    return [
        index + 1 + sum(question.position <= index for question in story.questions)
        for index in range(len(story.sentences))
    ]


def read(lines: Iterable[str]) -> Iterator[Story]:
    """The stories of the lines of a bAbI file; blank lines are skipped.

    Raises:
        ValueError: a line without an ID, with neither 1 nor 3 fields, or an unknown supporting ID
    """
    draft, ids = Draft(), dict[int, int]()
    for line in lines:
        if not line.strip():
            continue
        number, _, text = line.strip().partition(" ")
        if not number.isdecimal():
            raise ValueError(f"a line without an ID: {line!r}")
        if int(number) == 1 and draft.sentences:
            yield draft.story()
            draft, ids = Draft(), {}
        fields = [part.strip() for part in text.split("\t")]
        if len(fields) == 1:
            ids[int(number)] = draft.tell(fields[0])
        elif len(fields) == 3 and all(i.isdecimal() and int(i) in ids for i in fields[2].split()):
            draft.ask(fields[0], fields[1], [ids[int(i)] for i in fields[2].split()])
        else:
            raise ValueError(f"neither a sentence nor a question with its supporting IDs: {line!r}")
    if draft.sentences:
        yield draft.story()
