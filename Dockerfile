# Not built by this project's tests. Built on a slim Python: the CUDA libraries come with torch's wheel.
FROM python:3.12-slim
WORKDIR /opt/pgt-lora
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt '.[cuda,figures]' \
  && useradd --create-home user && mkdir /pgt && chown user /pgt
USER user
WORKDIR /pgt
ENV PGT_LORA_HOME=/pgt TOKENIZERS_PARALLELISM=false
ENTRYPOINT ["pgt-lora"]
CMD ["--help"]
