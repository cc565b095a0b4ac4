"""A Neural Turing Machine step by step: its state goes in and comes out, nothing is hidden."""

import torch

from ntm import NTM

torch.manual_seed(1)
model = NTM(input_size=5, output_size=5, controller_size=32, N=16, M=8, num_reads=1, num_writes=1)

state = None
with torch.inference_mode():
    for step in range(6):
        x = torch.rand(1, 5).round()  # [B, I]
        output, state = model(x, state)
        slots = state.read_weightings[0, 0].topk(3).indices.tolist()
        print(f"step {step}: output {output[0].tolist()[0]:+.3f}, reads mostly from slots {slots}")

    larger = model.initial_state(1, memory_slots=64)  # the same parameters, another memory
    output, larger = model(torch.zeros(1, 5), larger)
print("with 64 slots:", tuple(larger.memory.shape))
