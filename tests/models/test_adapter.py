"""Adapters: nothing before training, a base that stays, and what peft alone reads back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from dreamgym.core.errors import ConfigError, ModelError
from dreamgym.models.adapter import Adapter, new_adapter
from dreamgym.models.causal_lm import load_causal_lm, load_config
from dreamgym.models.clients.local_client import LocalClient
from dreamgym.models.engine.batching_engine import BatchingEngine
from signs import toy_model, toy_tokenizer

IDS = torch.tensor([[5, 6, 7, 8]])
CPU = torch.device("cpu")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    tokenizer = toy_tokenizer()
    toy_model(tokenizer).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def loaded(base: Path) -> PreTrainedModel:
    return load_causal_lm(str(base), dtype=torch.float32, device=CPU).model


def trained(model: PreTrainedModel) -> Adapter:
    adapter = new_adapter(model, rank=2, seed=1)
    with torch.no_grad():
        for number, parameter in enumerate(adapter.parameters().values()):
            parameter.normal_(0.0, 0.3, generator=torch.Generator().manual_seed(number))
    return adapter


def save(adapter: Adapter, folder: Path) -> Path:
    folder.mkdir()
    adapter.write(folder)
    return folder


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        return model(IDS).logits[0]


def test_a_fresh_adapter_changes_nothing_and_alone_is_trained(base: Path) -> None:
    before = logits(loaded(base))
    adapter = new_adapter(loaded(base), rank=2, seed=1)
    assert torch.equal(logits(adapter.model), before)
    trainable = {name for name, p in adapter.model.named_parameters() if p.requires_grad}
    assert trainable == set(adapter.parameters())
    again = new_adapter(loaded(base), rank=2, seed=1)
    pairs = zip(adapter.parameters().values(), again.parameters().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_peft_alone_reads_it_back(base: Path, tmp_path: Path) -> None:
    adapter = trained(loaded(base))
    folder = save(adapter, tmp_path / "adapter")
    alone = PeftModel.from_pretrained(toy_model(toy_tokenizer()), str(folder))
    assert torch.allclose(logits(alone), logits(adapter.model), atol=1e-6)
    ours = load_causal_lm(str(folder), dtype=torch.float32, device=CPU)
    assert torch.equal(logits(ours.model), logits(adapter.model))
    assert not torch.allclose(logits(ours.model), logits(loaded(base)), atol=1e-2)


def test_several_adapters_share_a_base(base: Path) -> None:
    bare, adapter = logits(loaded(base)), trained(loaded(base))
    adapted = logits(adapter.model)
    adapter.copy("reference")
    assert torch.equal(logits(adapter.model), adapted)
    with torch.no_grad():
        for parameter in adapter.parameters().values():
            parameter.mul_(2.0)
    assert not torch.allclose(logits(adapter.model), adapted, atol=1e-2)
    with adapter.at_work("reference"):
        assert torch.equal(logits(adapter.model), adapted)
    with adapter._peft_model.disable_adapter():
        assert torch.equal(logits(adapter.model), bare)
    assert all(parameter.requires_grad for parameter in adapter.parameters().values())
    assert not any(parameter.requires_grad for parameter in adapter.parameters("reference").values())


def test_the_engine_computes_with_the_adapter(base: Path, tmp_path: Path) -> None:
    adapter = trained(loaded(base))
    engine = BatchingEngine(adapter.model)
    cache = engine.session(seed=0).cache
    assert torch.allclose(
        engine._forward([cache], [IDS[0].tolist()])[0], logits(adapter.model)[-1], atol=1e-5
    )
    merged = LocalClient.from_name(str(save(adapter, tmp_path / "adapter")))
    cache = merged.engine.session(seed=0).cache
    answer = merged.engine._forward([cache], [IDS[0].tolist()])[0]
    assert torch.allclose(answer, logits(adapter.model)[-1], atol=1e-5)


def test_an_adapter_of_another_base_is_told(base: Path, tmp_path: Path) -> None:
    folder = save(trained(loaded(base)), tmp_path / "adapter")
    tokenizer = toy_tokenizer()
    toy_model(tokenizer, width=64).save_pretrained(base)
    with pytest.raises(ModelError, match=r"adapter .* does not fit its base Qwen3ForCausalLM of width 64"):
        load_causal_lm(str(folder), dtype=torch.float32, device=CPU)
    for config in ("{}", '{"base_model_name_or_path": 7}', "[" * 100_000):
        (folder / "adapter_config.json").write_text(config)
        with pytest.raises(ModelError, match="does not name its base"):
            load_causal_lm(str(folder), dtype=torch.float32, device=CPU)


def test_a_name_that_means_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DREAMGYM_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match=r"holds no config\.json"):
        load_causal_lm(str(tmp_path / "nothing"), dtype=torch.float32, device=CPU)
    with pytest.raises(ConfigError, match="dreamgym models get smollm2"):
        load_causal_lm("smollm2", dtype=torch.float32, device=CPU)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    nowhere = "no-such/model is no folder here, and not to be had from Hugging Face"
    with pytest.raises(ModelError, match=nowhere):
        load_causal_lm("no-such/model", dtype=torch.float32, device=CPU)
    with pytest.raises(ModelError, match=nowhere):
        load_config("no-such/model")
