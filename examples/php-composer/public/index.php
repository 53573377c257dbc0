<?php

require __DIR__ . '/../vendor/autoload.php';

$answer = (new App\Router())->answer(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
header('Content-Type: text/plain; charset=utf-8');
http_response_code($answer === null ? 404 : 200);
echo $answer ?? "There is nothing here\n";
