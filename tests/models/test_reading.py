"""What stands around a text: the ids are those of the tokenizer's own template, and words are found all the same."""

from __future__ import annotations

import copy
import shutil

import pandas as pd
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from emotion_utils.activations.token_spans import find_spans
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.models.loading import load_tokenizer, token_counter
from emotion_utils.models.model import load, reading_note, reading_notes
from emotion_utils.models.positions import encode
from emotion_utils.models.reading import AS_IT_IS, Reading, find_separator, own_start, reading_of
from emotion_utils.scoring.judge import Judge
from emotion_utils.smallworld.openings import starting_ids

MARK = "\u2581"
TURNS = (
    "{% for m in messages %}{{ '[' + m['role'] + ']\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]\n' }}{% endif %}"
)
WITH_BOS = "{{ bos_token }}" + TURNS.replace("m['content']", "m['content'] | trim")
TEXTS = ["I am grateful for the tea.", " We met, and I am sorry. "]


def tokenizer_of(name: str, template: str = ""):
    tokenizer = copy.deepcopy(load_tokenizer(name))
    tokenizer.chat_template = template or None
    return tokenizer


def words(rows: list[tuple[str, str]]) -> pd.DataFrame:
    """Prompts with one marked word each."""
    marks = [(text.index(word), text.index(word) + len(word)) for text, word in rows]
    table = pd.DataFrame({"id": [str(i) for i in range(len(rows))], "text": [text for text, _ in rows]})
    table["emotion"], table["pair_id"] = "gratitude", table["id"]
    table["emotion_start"], table["emotion_end"] = zip(*marks, strict=True)
    return table


def covered(table: pd.DataFrame, encoded, position: str) -> list[str]:
    """The text of the tokens that are read at a position."""
    reads = find_spans(table, encoded, [position])
    spans = [encoded.spans[row.row][row.first : row.last] for row in reads.itertuples()]
    assert all(a < b for own in spans for a, b in own)
    return [text[own[0][0] : own[-1][1]] for text, own in zip(table["text"], spans, strict=True)]


@pytest.mark.parametrize("name", ["small-gpt2", "small-qwen3", "small-llama3", "small-gemma3"])
@pytest.mark.parametrize("template", [TURNS, WITH_BOS], ids=["plain", "trimmed, with BOS"])
def test_a_chat_is_what_the_tokenizers_own_template_gives(name, template):
    tokenizer = tokenizer_of(name, template)
    for separator in (None, tokenizer.bos_token_id):
        encoded = encode(tokenizer, TEXTS, None, Reading(separator, chat=True))
        for text, ids in zip(TEXTS, encoded.ids, strict=True):
            turn = [{"role": "user", "content": text}]
            theirs = tokenizer.apply_chat_template(turn, tokenize=True, add_generation_prompt=True)
            assert ids == theirs["input_ids"]
            assert ids.count(tokenizer.bos_token_id) == (template == WITH_BOS)


@pytest.mark.parametrize("name", ["small-gpt2", "small-llama3", "small-gemma3"])
@pytest.mark.parametrize("template", [TURNS, WITH_BOS], ids=["plain", "trimmed, with BOS"])
def test_words_are_found_in_a_template_and_the_template_is_no_content(name, template):
    tokenizer = tokenizer_of(name, template)
    table = words([(TEXTS[0], "grateful"), (TEXTS[1], "sorry"), ("user", "user")])
    encoded = encode(tokenizer, table["text"].tolist(), None, Reading(chat=True))
    assert [word.strip() for word in covered(table, encoded, "emotion")] == ["grateful", "sorry", "user"]
    assert [text.strip() for text in covered(table, encoded, "mean")] == [t.strip() for t in table["text"]]
    for row, (ids, spans) in enumerate(zip(encoded.ids, encoded.spans, strict=True)):
        _, last = (int(a[row]) for a in encoded.text_tokens())
        assert tokenizer.decode(ids[last:]).startswith("<|end|>")
        assert set(spans[last:]) == {(0, 0)}
    assert not find_spans(table, encoded, ["end", "emotion", "mean"])["sink"].any()


@pytest.mark.parametrize("name", ["small-gpt2", "small-neo", "small-qwen3", "small-llama3", "small-gemma3"])
def test_a_separator_stands_once_before_a_text(name):
    tokenizer = tokenizer_of(name)
    mark = find_separator(tokenizer)
    begun = [f"{tokenizer.convert_ids_to_tokens(mark)}{text}" for text in TEXTS]
    bare = tokenizer(TEXTS, add_special_tokens=False)
    for texts in (TEXTS, begun):
        encoded = encode(tokenizer, texts, None, Reading(mark))
        assert list(encoded.ids) == [[mark, *ids] for ids in bare["input_ids"]]
    table = words([(TEXTS[0], "I"), (TEXTS[1], "We"), (begun[0], "I am")])
    encoded = encode(tokenizer, table["text"].tolist(), None, Reading(mark))
    reads = find_spans(table, encoded, ["emotion", "end", "mean", "all"])
    assert not reads["sink"].any()
    assert [word.strip() for word in covered(table, encoded, "emotion")] == ["I", "We", "I am"]
    assert covered(table, encoded, "mean")[:2] == TEXTS


NAMES = ["small-gpt2", "small-neo", "small-pythia", "small-llama3", "small-qwen3", "small-gemma3"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("times", [1, 2])
def test_a_bos_that_a_text_brings_stands_once_and_is_no_content(name, times):
    model = load(name)
    begun = [model.tokenizer.bos_token * times + text for text in TEXTS]
    encoded = model.encode(begun)
    adds = bool(own_start(model.tokenizer))
    for text, ids, spans in zip(TEXTS, encoded.ids, encoded.spans, strict=True):
        front = [model.tokenizer.bos_token_id] * (1 if adds else times)
        assert ids == front + model.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert [span for span in spans if span[0] == span[1]] == [(0, 0)] * len(front)
    assert covered(words([(begun[0], "I"), (begun[1], "We")]), encoded, "mean") == TEXTS
    assert [model.starting_ids(text) for text in begun] == [model.starting_ids(text) for text in TEXTS]


@pytest.mark.parametrize("name", NAMES)
def test_special_tokens_that_a_text_writes_out_are_no_content(name):
    tokenizer = tokenizer_of(name)
    text = f"Thanks{tokenizer.eos_token}Sorry{tokenizer.eos_token}"
    encoded = encode(tokenizer, [text])
    contents = [text[a:b] for a, b in encoded.spans[0] if a < b]
    assert "".join(contents) == "ThanksSorry"
    assert encoded.ids[0].count(tokenizer.eos_token_id) == 2
    with pytest.raises(UserError, match="has no tokens"):
        encode(tokenizer, [tokenizer.eos_token])


@pytest.fixture(params=["always", "first", "normalizer"])
def metaspace(request):
    """A tokenizer that puts a mark before the first word, and knows no word with it."""
    raw = Tokenizer(models.Unigram([(token, -1.0) for token in ("<unk>", MARK, *"感谢他", "Tom")], unk_id=0))
    if request.param == "normalizer":
        raw.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    else:
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=request.param)
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token=raw.model.id_to_token(0))


def test_the_mark_of_a_blank_is_no_token_of_a_word_without_blank(metaspace):
    texts = ["感谢他", "他 感谢", " 感谢", "Tom感谢", f"{MARK}他"]
    encoded = encode(metaspace, texts)
    table = words(
        [(texts[0], "感谢"), (texts[1], "感谢"), (texts[2], "感谢"), (texts[3], "感谢"), (texts[4], "他")]
    )
    reads = find_spans(table, encoded, ["emotion"])
    tokens = [
        metaspace.convert_ids_to_tokens(encoded.ids[row.row][row.first : row.last])
        for row in reads.itertuples()
    ]
    assert tokens == [["感", "谢"]] * 4 + [["他"]]
    assert metaspace.convert_ids_to_tokens(encoded.ids[0])[0] == MARK  # it is read all the same
    assert own_start(metaspace) == []


def test_the_separator_is_what_began_documents():
    gemma, neo = tokenizer_of("small-gemma3"), tokenizer_of("small-gpt2")
    assert own_start(gemma) == [gemma.bos_token_id] == [find_separator(gemma)]
    assert own_start(neo) == []
    mark = find_separator(neo)
    assert neo.convert_ids_to_tokens(mark) == "<|endoftext|>"
    neo.add_special_tokens({"bos_token": "<|im_start|>"})  # as in SmolLM2
    assert find_separator(neo) == mark != neo.bos_token_id
    llama = tokenizer_of("small-llama3")
    llama.backend_tokenizer.post_processor = None  # adds no BOS any more
    assert find_separator(llama) == llama.bos_token_id
    llama.bos_token = None
    assert find_separator(llama) == llama.eos_token_id
    llama.eos_token = None
    assert find_separator(llama) is None


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The folder of a model from elsewhere, whose tokenizer has a template and puts nothing in front."""
    folder = tmp_path_factory.mktemp("reading") / "mine"
    shutil.copytree(MODELS / "small-qwen3", folder)
    (folder / "chat_template.jinja").write_text(TURNS, encoding="utf-8")
    return str(folder)


def test_a_bundled_model_reads_as_in_its_training_whatever_is_asked_for():
    for name in ("small-gpt2", "small-llama3"):
        plain, asked = load(name), load(name, separator="auto", chat="on")
        assert plain.reading == asked.reading == AS_IT_IS
        assert list(asked.encode(TEXTS).ids) == asked.tokenizer(TEXTS)["input_ids"]
        assert asked.starting_ids(TEXTS[0]) == starting_ids(asked.tokenizer, TEXTS[0])


def test_a_model_from_elsewhere_reads_as_asked(local):
    models = {how: load(local, separator=how[0], chat=how[1]) for how in (("off", "off"), ("auto", "auto"))}
    models |= {("auto", "on"): load(local, separator="auto", chat="on")}
    plain, separated, chatting = models.values()
    mark = plain.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    bare = plain.tokenizer(TEXTS[0])["input_ids"]
    assert plain.encode(TEXTS[:1]).ids[0] == plain.starting_ids(TEXTS[0]) == bare
    assert separated.encode(TEXTS[:1]).ids[0] == separated.starting_ids(TEXTS[0]) == [mark, *bare]
    turn = [{"role": "user", "content": TEXTS[0]}]
    asked = chatting.tokenizer.apply_chat_template(turn, add_generation_prompt=True)["input_ids"]
    assert chatting.encode(TEXTS[:1]).ids[0] == chatting.starting_ids(TEXTS[0]) == asked
    assert len({repr(model.identity) for model in models.values()}) == 3
    counted = token_counter(local, special=True, separator="auto")(TEXTS)
    assert counted == [len(ids) for ids in separated.encode(TEXTS).ids]
    assert separated.ends == tuple(sorted({mark, plain.tokenizer.eos_token_id}))


def test_a_judge_reads_what_comes_after_the_models_own_beginning(local):
    for separator, chat in (("off", "off"), ("auto", "off"), ("auto", "on")):
        model = load(local, separator=separator, chat=chat)
        ids, new = Judge(model)._encode("We met.", " I am sorry.")
        start = model.starting_ids("We met.")
        assert ids == [*start, *model.tokenizer(" I am sorry.")["input_ids"]]
        assert len(ids) == len(start) + new


def test_pages_say_how_a_model_reads(local):
    template = "without the chat template"
    told = {chat: reading_note(load(local, separator="auto", chat=chat)) for chat in ("auto", "off", "on")}
    assert told["auto"] == told["off"]
    assert told["auto"].startswith("mine: ")
    assert "after the separator `<|endoftext|>`" in told["auto"]
    assert template in told["auto"]
    assert "the user's turn in the chat template" in told["on"]
    assert "with nothing in front" in reading_note(load(local))
    small, gemma = load("small-gpt2"), load("small-gemma3")
    assert small.starting_ids("a")[0] == small.tokenizer.bos_token_id != small.encode(["a"]).ids[0][0]
    assert reading_note(small).endswith(
        "continue begins with `<|endoftext|>`, as documents did in its training."
    )
    assert "continue begins" not in reading_note(gemma) + told["auto"]
    both = reading_notes(["small-gpt2", "small-neo", "small-gemma3"], "auto", "on").split("\n")
    assert len(both) == 2
    assert both[0].startswith("- small-gpt2 and small-neo: each prompt is read as plain text with nothing")
    assert "after the `<bos>` that the tokenizer puts in front" in both[1]


def test_a_text_that_is_a_chat_already_is_no_turn_of_another():
    tokenizer = tokenizer_of("small-qwen3", TURNS.replace("<|end|>", "<|endoftext|>"))
    assert "<|endoftext|>" in tokenizer.apply_chat_template(
        [{"role": "user", "content": "a"}], tokenize=False
    )
    with pytest.raises(
        UserError, match=r"'Thanks.<\|endoftext\|>' contains '<\|endoftext\|>'.*set chat to off"
    ):
        encode(tokenizer, ["Fine.", "Thanks.<|endoftext|>"], None, Reading(chat=True))
    assert len(encode(tokenizer, ["Fine.", "Thanks."], None, Reading(chat=True)).ids) == 2


def test_what_cannot_be_read_so_is_refused_in_a_sentence(local, tmp_path):
    tokenizer = load_tokenizer(local)
    with pytest.raises(UserError, match="separator of \"mine\" cannot be 'on': choose auto and off"):
        reading_of(local, tokenizer, "on", "off")
    with pytest.raises(UserError, match="chat of \"mine\" cannot be 'yes': choose auto, on and off"):
        load(local, chat="yes")
    with pytest.raises(UserError, match='"mine" has no chat template: set chat to "off" or "auto"'):
        reading_of(local, tokenizer_of("small-qwen3"), "off", "on")
    for template, told in (
        ("{{ raise_exception('no user may speak') }}", r"cannot be applied to .* \(no user may speak\)"),
        ("{{ messages[0]['content'] * 2 }}", "writes the text 2 times"),
        ("{{ messages[0]['content'] | upper }}", "changes the text 'I am grateful"),
    ):
        with pytest.raises(UserError, match=f"(?i){told}.*set chat to off"):
            encode(tokenizer_of("small-qwen3", template), TEXTS, None, Reading(chat=True))
